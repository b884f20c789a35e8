//go:build !unix

package configs

import "io/fs"

// exposed is false where a file's mode does not say who can read it.
func exposed(fs.FileInfo) bool { return false }
