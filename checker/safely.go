package checker

import (
	"context"
	"fmt"
	"runtime/debug"
)

// panicError is a panic of a Checker.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }

// checkOnce looks once; a panic is an error.
func checkOnce(ctx context.Context, c Checker) (finding Finding, err error) {
	defer catch(&err)
	return c.Check(ctx)
}

// watchOnce watches until there is nothing more to notice; a panic is an error.
func watchOnce(ctx context.Context, w Watcher, changed func()) (err error) {
	defer catch(&err)
	return w.Watch(ctx, changed)
}

// catch is for a defer.
func catch(err *error) {
	if value := recover(); value != nil {
		*err = &panicError{value: value, stack: debug.Stack()}
	}
}
