//go:build unix

package atomicfile

import (
	"errors"
	"os"
	"syscall"
)

// syncDir brings a folder's entries to the disk, so that a rename outlives a
// crash. File systems that cannot do this for folders are taken as they are.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOTSUP) {
		return err
	}
	return nil
}
