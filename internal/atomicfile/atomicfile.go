// Package atomicfile replaces files all at once: the new content is written
// aside in the same folder, brought to the disk and renamed over the old file.
// Whatever fails before the rename (a full disk, a crash, an error of the
// writer) leaves the old file as it was.
package atomicfile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// File is new content on its way to a path. Write to it, then Commit; Abort
// gives the content up and does nothing after Commit, so it can be deferred.
type File struct {
	path string   // the file to replace
	temp *os.File // the new content, in the same folder
	buf  *bufio.Writer
	done bool
}

// Create starts new content for path, whose folder must exist. An old file's
// permissions are kept.
func Create(path string) (*File, error) {
	mode := fs.FileMode(0o666) // less the umask
	old, statErr := os.Stat(path)
	if statErr == nil && !old.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: not a regular file, will not replace it", path)
	}
	temp, err := createBeside(path, mode)
	if err != nil {
		return nil, err
	}
	f := &File{path: path, temp: temp, buf: bufio.NewWriterSize(temp, 1<<20)}
	if statErr == nil {
		if err := temp.Chmod(old.Mode().Perm()); err != nil {
			return nil, errors.Join(err, f.Abort())
		}
	}
	return f, nil
}

// createBeside opens a new hidden file in path's folder.
func createBeside(path string, mode fs.FileMode) (*os.File, error) {
	dir, base := filepath.Split(path)
	for {
		name := fmt.Sprintf("%s.%s.%08x.tmp", dir, base, rand.Uint32())
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, mode)
		if !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
}

// Write adds to the new content.
func (f *File) Write(b []byte) (int, error) { return f.buf.Write(b) }

// Sync brings what was written to the disk.
func (f *File) Sync() error {
	if err := f.buf.Flush(); err != nil {
		return err
	}
	return f.temp.Sync()
}

// Commit brings the content to the disk and puts it in the old file's place.
// After an error the old file is as it was and the new content is gone.
func (f *File) Commit() error {
	if f.done {
		return fmt.Errorf("%s: already committed or aborted", f.path)
	}
	err := f.Sync()
	f.done = true
	err = errors.Join(err, f.temp.Close())
	if err == nil {
		err = os.Rename(f.temp.Name(), f.path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.temp.Name()))
	}
	return syncDir(filepath.Dir(f.path))
}

// Abort removes the new content.
func (f *File) Abort() error {
	if f.done {
		return nil
	}
	f.done = true
	return errors.Join(f.temp.Close(), os.Remove(f.temp.Name()))
}

// Write replaces the file at path by what write writes. If write fails, so does
// Write, and the old file stays.
func Write(path string, write func(io.Writer) error) error {
	f, err := Create(path)
	if err != nil {
		return err
	}
	defer f.Abort()
	if err := write(f); err != nil {
		return err
	}
	return f.Commit()
}
