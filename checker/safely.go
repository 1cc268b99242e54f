package checker

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
)

// panicError is a panic of a Checker.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }

// checkOnce looks once; a panic is an error, also that of an error which is asked what it
// says.
func checkOnce(ctx context.Context, c Checker) (finding Finding, err error) {
	defer catch(&err)
	finding, err = c.Check(ctx)
	return finding, said(err)
}

// watchOnce watches until there is nothing more to notice; a panic is an error, as in
// checkOnce.
func watchOnce(ctx context.Context, w Watcher, changed func()) (err error) {
	defer catch(&err)
	return said(w.Watch(ctx, changed))
}

// said returns an error of the same text, which is known by now.
func said(err error) error {
	if err == nil {
		return nil
	}
	return errors.New(err.Error())
}

// catch is for a defer.
func catch(err *error) {
	if value := recover(); value != nil {
		*err = &panicError{value: value, stack: debug.Stack()}
	}
}
