package daemon

import (
	"errors"
	"log/slog"
	"maps"
	"path/filepath"

	"github.com/perch-vip/perch/vip/fence"
	"github.com/perch-vip/perch/vrrp/vrrpnet"
)
