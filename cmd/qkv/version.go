package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/qkvgo/qkv/kernel"
)

// version is what a report of a fault should say about the program and the machine.
type version struct {
	Version  string `json:"version"`            // of the module; "(devel)" when built from a checkout
	Revision string `json:"revision,omitempty"` // of the checkout
	Modified bool   `json:"modified,omitempty"` // the checkout had changes
	Go       string `json:"go"`
	Platform string `json:"platform"`
	Kernels  string `json:"kernels"` // the kernel set in use
}

func newVersion(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print version, platform and kernels",
		Long:  "Print the version, what it was built with and for, and the kernels that this machine's CPU runs\n(QKV_CPU=go, avx2 or avx512 chooses others).",
		Example: `  qkv version
  QKV_CPU=go qkv version --json`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			v := thisVersion(debug.ReadBuildInfo())
			if asJSON {
				return a.printJSON(v)
			}
			line := "qkv " + v.Version
			if v.Revision != "" {
				line += " " + v.Revision[:min(12, len(v.Revision))]
			}
			if v.Modified {
				line += " (modified)"
			}
			_, err := fmt.Fprintf(a.stdout, "%s %s %s kernels %s\n", line, v.Go, v.Platform, v.Kernels)
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

// thisVersion reads what the linker has noted; a build without notes has no version.
func thisVersion(info *debug.BuildInfo, ok bool) version {
	v := version{Version: "unknown", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, Kernels: kernel.Best().Name}
	if !ok {
		return v
	}
	if info.Main.Version != "" {
		v.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Revision = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	return v
}
