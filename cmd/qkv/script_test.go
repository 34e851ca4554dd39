package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/qkvgo/qkv/finetune"
	"github.com/qkvgo/qkv/internal/progress"
	"github.com/qkvgo/qkv/zoo/zootest"
)

// TestScripts runs testdata/*.txt, the command's specification by example. A script is lines of
//
//	need shared         skip the script unless ../shared lies beside the checkout
//	make KIND DIR       write a tiny model of package zootest into the folder
//	env NAME=VALUE      set a variable of the environment for what follows
//	stdin FILE          what the next exec reads
//	exec qkv ARG …      run the command; it must exit with 0
//	exit N qkv ARG …    run the command; it must exit with N
//	stdout REGEXP       the last standard output matches, lines taken singly by ^ and $
//	! stdout REGEXP     it does not; the same for stderr
//	cmp stdout FILE     it is what FILE holds, to the byte; the same for stderr
//	exists FILE         there is such a file; ! exists: there is none
//
// followed by files, "-- NAME --" and their lines, which are written to a folder of the script's own.
// $WORK is that folder, $SHARED is ../shared; FILE and arguments may hold both. A word in single
// quotes may hold spaces. Commands run inside the test, so that a script costs microseconds.
func TestScripts(t *testing.T) {
	scripts, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("have %d scripts (%v), want some", len(scripts), err)
	}
	for _, path := range scripts {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			runScript(t, string(text))
		})
	}
}

// script is the state of one script that runs.
type script struct {
	work           string
	env            map[string]string
	stdin          string
	stdout, stderr bytes.Buffer
}

func runScript(t *testing.T, text string) {
	lines, files := splitFiles(text)
	s := &script{work: t.TempDir(), env: map[string]string{}}
	for name, content := range files {
		path := filepath.Join(s.work, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for i, line := range lines {
		words := s.words(line)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		if words[0] == "need" && len(words) == 2 && words[1] == "shared" {
			if _, err := os.Stat(shared()); err != nil {
				t.Skip("no ../shared beside the checkout")
			}
			continue
		}
		if err := s.do(t.Context(), words); err != nil {
			t.Fatalf("line %d: %s: %v\nstdout:\n%s\nstderr:\n%s", i+1, line, err, &s.stdout, &s.stderr)
		}
	}
}

// do runs one line.
func (s *script) do(ctx context.Context, words []string) error {
	not := words[0] == "!"
	if not {
		words = words[1:]
	}
	verb, rest := words[0], words[1:]
	switch {
	case verb == "make" && len(rest) == 2:
		return zootest.Make(rest[0], s.path(rest[1]))
	case verb == "env" && len(rest) == 1:
		name, value, _ := strings.Cut(rest[0], "=")
		s.env[name] = value
		return nil
	case verb == "stdin" && len(rest) == 1:
		text, err := os.ReadFile(s.path(rest[0]))
		s.stdin = string(text)
		return err
	case verb == "exec" && len(rest) > 0 && rest[0] == "qkv":
		return s.exec(ctx, 0, rest[1:])
	case verb == "exit" && len(rest) > 1 && rest[1] == "qkv":
		code, err := strconv.Atoi(rest[0])
		if err != nil {
			return err
		}
		return s.exec(ctx, code, rest[2:])
	case (verb == "stdout" || verb == "stderr") && len(rest) == 1:
		pattern, err := regexp.Compile("(?m)" + rest[0])
		if err != nil {
			return err
		}
		if pattern.MatchString(s.output(verb)) == not {
			return errors.New("the output is not what the pattern wants")
		}
		return nil
	case verb == "cmp" && len(rest) == 2:
		want, err := os.ReadFile(s.path(rest[1]))
		if err == nil && s.output(rest[0]) != string(want) {
			return errors.New("the output differs from:\n" + string(want))
		}
		return err
	case verb == "exists" && len(rest) == 1:
		if _, err := os.Stat(s.path(rest[0])); (err == nil) == not {
			return errors.New("it is the other way round")
		}
		return nil
	}
	return errors.New("no such line in a script")
}

func (s *script) exec(ctx context.Context, want int, args []string) error {
	s.stdout.Reset()
	s.stderr.Reset()
	a := &app{stdin: strings.NewReader(s.stdin), stdout: &s.stdout, stderr: &s.stderr,
		getenv: func(name string) string { return s.env[name] }}
	s.stdin = ""
	if have := run(ctx, args, a); have != want {
		return errors.New("the exit code is " + strconv.Itoa(have))
	}
	return nil
}

func (s *script) output(name string) string {
	if name == "stdout" {
		return s.stdout.String()
	}
	return s.stderr.String()
}

// path is a file of the script's folder unless the name is absolute.
func (s *script) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(s.work, name)
}

// words splits a line at spaces outside single quotes and puts $WORK and $SHARED in.
func (s *script) words(line string) (words []string) {
	line = strings.TrimSpace(line)
	for line != "" {
		var word string
		if strings.HasPrefix(line, "'") {
			word, line, _ = strings.Cut(line[1:], "'")
		} else {
			word, line, _ = strings.Cut(line, " ")
		}
		word = strings.NewReplacer("$WORK", s.work, "$SHARED", shared()).Replace(word)
		words, line = append(words, word), strings.TrimSpace(line)
	}
	return words
}

// splitFiles cuts a script into its lines and the files that follow them.
func splitFiles(text string) (lines []string, files map[string]string) {
	files = map[string]string{}
	name := ""
	for line := range strings.Lines(text) {
		mark := strings.TrimSpace(line)
		if strings.HasPrefix(mark, "-- ") && strings.HasSuffix(mark, " --") {
			name = mark[3 : len(mark)-3]
			files[name] = ""
		} else if name != "" {
			files[name] += line
		} else {
			lines = append(lines, strings.TrimRight(line, "\r\n"))
		}
	}
	return lines, files
}

// shared is the folder of test data beside the checkout.
func shared() string {
	if dir := os.Getenv("QKV_SHARED"); dir != "" {
		return dir
	}
	dir, err := filepath.Abs("../../../shared") // from cmd/qkv to beside go.mod
	if err != nil {
		return "shared"
	}
	return dir
}

// A verb that is interrupted says so and has failed.
func TestExitCodes(t *testing.T) {
	for _, c := range []struct {
		err     error
		started bool
		code    int
		stderr  string
	}{
		{nil, true, 0, ""},
		{errors.New("no such file"), true, 1, "qkv: no such file\n"},
		{errors.New("unknown flag: --x"), false, 2, "qkv: unknown flag: --x (see qkv help)\n"},
		{usagef("-k: have %d, want 1", 0), true, 2, "qkv: -k: have 0, want 1 (see qkv help)\n"},
		{errors.Join(errors.ErrUnsupported), true, 3, "qkv: unsupported operation\n"},
		{context.Canceled, true, 1, "qkv: interrupted\n"},
		{errReported, true, 1, ""},
		{errors.Join(errReported, errors.ErrUnsupported), true, 3, ""},
	} {
		var stderr bytes.Buffer
		a := &app{stderr: &stderr, started: c.started}
		if have := a.exit(c.err); have != c.code || stderr.String() != c.stderr {
			t.Errorf("%v: have %d and %q, want %d and %q", c.err, have, stderr.String(), c.code, c.stderr)
		}
	}
}

// Ctrl-C ends a text in order: what was written stands, its line is ended.
func TestRunInterrupted(t *testing.T) {
	dir := t.TempDir()
	if err := zootest.Make("llama", dir); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr bytes.Buffer
	a := &app{stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr, getenv: func(string) string { return "" }}
	if code := run(ctx, []string{"run", "-m", dir, "the cat"}, a); code != exitFailed {
		t.Errorf("the exit code is %d", code)
	}
	if stdout.String() != "the cat\n" || stderr.String() != "qkv: interrupted\n" {
		t.Errorf("written: %q and %q", stdout.String(), stderr.String())
	}
}

// stopper is standard error that cancels at a word.
type stopper struct {
	bytes.Buffer
	word   string
	cancel func()
}

func (s *stopper) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte(s.word)) {
		s.cancel()
	}
	return s.Buffer.Write(p)
}

// Ctrl-C saves and stops, and says how to go on; the run that goes on ends as one that was not stopped.
func TestFinetuneInterrupted(t *testing.T) {
	dir := t.TempDir()
	if err := zootest.Make("bert", dir); err != nil {
		t.Fatal(err)
	}
	table := filepath.Join(dir, "pets.csv")
	if err := os.WriteFile(table, []byte("text,label\nthe cat,a\nthe dog,b\ncat,a\ndog,b\nthe cat ran,a\nthe dog ran,b\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	finetune := func(word, out string, more ...string) (int, string) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		stderr := &stopper{word: word, cancel: cancel}
		a := &app{stdin: strings.NewReader(""), stdout: io.Discard, stderr: stderr, getenv: func(string) string { return "" }}
		code := run(ctx, append([]string{"finetune", dir, table, "--dev-share", "2", "--epochs", "4", "--batch", "2", "--out", filepath.Join(dir, out)}, more...), a)
		return code, stderr.String()
	}
	if code, said := finetune("step 2,", "parts"); code != exitFailed || !strings.Contains(said, "qkv: stopped after step 2 of 8; the same command with --resume goes on from") {
		t.Fatalf("code %d: %s", code, said)
	}
	if code, said := finetune("never", "parts", "--resume"); code != exitDone {
		t.Fatalf("code %d: %s", code, said)
	}
	if code, said := finetune("never", "whole"); code != exitDone {
		t.Fatalf("code %d: %s", code, said)
	}
	a, err := os.ReadFile(filepath.Join(dir, "parts", "model.safetensors"))
	b, err2 := os.ReadFile(filepath.Join(dir, "whole", "model.safetensors"))
	if err != nil || err2 != nil || !bytes.Equal(a, b) {
		t.Errorf("stopped and taken up, the weights differ (%v, %v)", err, err2)
	}
}

// Whatever the help shows as an example is a command line that parses.
func TestExamplesParse(t *testing.T) {
	a := &app{stdin: strings.NewReader(""), stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{}, getenv: func(string) string { return "" }}
	all := verbs(a)
	for _, verb := range all {
		all = append(all, verb.Commands()...) // train lm
	}
	for _, verb := range all {
		if verb.Short == "" || verb.Example == "" && !verb.HasSubCommands() {
			t.Errorf("%s has no short help or no example", verb.Name())
		}
		for line := range strings.Lines(verb.Example) {
			_, command, found := strings.Cut(" "+line, " qkv ")
			if !found {
				continue
			}
			command, _, _ = strings.Cut(command, " #")
			command, _, _ = strings.Cut(command, " | ")
			command, _, _ = strings.Cut(command, " > ")
			command, _, _ = strings.Cut(command, " < ")
			args := (&script{}).words(strings.ReplaceAll(command, `"`, "'"))
			cmd, rest, err := newRoot(a).Find(args)
			if err == nil && cmd.Name() != verb.Name() {
				err = errors.New("it is of another verb, " + cmd.Name())
			}
			if err == nil {
				err = cmd.ParseFlags(rest)
			}
			if err == nil {
				err = cmd.ValidateArgs(cmd.Flags().Args())
			}
			if err != nil {
				t.Errorf("%s: example %q: %v", verb.Name(), strings.TrimSpace(line), err)
			}
		}
	}
}

// Every option of a run is a flag, but for those that only a file can spell.
func TestEveryOptionIsAFlag(t *testing.T) {
	flags := map[string]bool{"model": true, "train": true, "param_groups": true, "peft_config": true}
	for _, table := range [][][3]string{reading, tuning} {
		for _, row := range table {
			flags[row[0]] = true
		}
	}
	o := finetune.Defaults()
	for _, f := range finetune.Fields(&o) {
		if !flags[f.Key] {
			t.Errorf("%s has no flag", f.Key)
		}
		delete(flags, f.Key)
	}
	for key := range flags {
		t.Errorf("%s is no option", key)
	}
}

func TestColorOnlyOnTerminals(t *testing.T) {
	a := &app{getenv: func(string) string { return "" }}
	if a.color(&bytes.Buffer{}) {
		t.Error("a buffer is written to in colour")
	}
	// A meter off the terminal writes nothing.
	var stderr bytes.Buffer
	a.stderr = &stderr
	m := a.progress(progress.Plan{Unit: "steps"})
	m.Add(1, 1)
	if m.Done(); stderr.Len() > 0 {
		t.Errorf("progress writes %q", stderr.String())
	}
}
