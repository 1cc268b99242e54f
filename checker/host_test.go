package checker

import "log/slog"

func testHost() *Host { return NewHost(slog.New(slog.DiscardHandler)) }
