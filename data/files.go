package data

import (
	"bufio"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Files gives the files that args name, in order: a file itself; of a folder
// all files below it that end in .txt or .md, by name; of @list the files that
// list names, one a line, relative to its folder. Naming nothing is an error.
func Files(args ...string) ([]string, error) {
	var files []string
	for _, arg := range args {
		list, isList := strings.CutPrefix(arg, "@")
		info, err := os.Stat(list)
		if err != nil {
			return nil, err
		}
		var found []string
		switch {
		case isList:
			found, err = listed(list)
		case info.IsDir():
			found, err = below(arg)
		default:
			found = []string{arg}
		}
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("%s names no text files (.txt, .md)", arg)
		}
		files = append(files, found...)
	}
	return files, nil
}

// listed gives the files that the lines of a list name.
func listed(list string) ([]string, error) {
	f, err := os.Open(list)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var files []string
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		name := strings.TrimSpace(lines.Text())
		if name == "" {
			continue
		}
		if !filepath.IsAbs(name) {
			name = filepath.Join(filepath.Dir(list), name)
		}
		if _, err := os.Stat(name); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", list, n, err)
		}
		files = append(files, name)
	}
	return files, lines.Err()
}

// below gives the text files in and under a folder.
func below(dir string) ([]string, error) {
	var files []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if ext := filepath.Ext(path); d.Type().IsRegular() && (ext == ".txt" || ext == ".md") {
			files = append(files, path)
		}
		return nil
	})
	return files, err
}
