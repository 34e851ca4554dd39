package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// Folder makes the folder at path, which must not exist, all at once: write
// fills a hidden folder beside it, which takes its name when everything in it is
// on the disk. write must sync its files, as Write does. If it fails, nothing
// stays.
func Folder(path string, write func(dir string) error) error {
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("%s: %w", path, fs.ErrExist)
	}
	temp := hidden(path)
	if err := os.Mkdir(temp, 0o777); err != nil {
		return err
	}
	err := write(temp)
	if err == nil {
		err = syncDir(temp)
	}
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(temp))
	}
	return syncDir(filepath.Dir(path))
}

// RemoveFolder removes the folder at path: it loses its name first, so that it
// is never seen half removed.
func RemoveFolder(path string) error {
	temp := hidden(path)
	if err := os.Rename(path, temp); err != nil {
		return err
	}
	return os.RemoveAll(temp)
}

// hidden is a fresh name beside path.
func hidden(path string) string {
	dir, base := filepath.Split(filepath.Clean(path))
	return filepath.Join(dir, fmt.Sprintf(".%s.%08x.tmp", base, rand.Uint32()))
}
