//go:build !linux

package testservers

import "syscall"

// dieWithParent does nothing where a parent's death sends no signal: a killed test run may leave servers behind there.
func dieWithParent(*syscall.SysProcAttr) {}
