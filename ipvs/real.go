package ipvs

import "errors"

// openKernel is a placeholder until the kernel's side is there.
func openKernel() (kernel, error) { return nil, errors.New("the kernel's side is missing") }
