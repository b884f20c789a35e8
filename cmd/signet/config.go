package main

import (
	"encoding/json"
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"
)

func newConfig(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "config", Short: "Show the effective settings, secrets masked", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			config, err := a.config()
			if err != nil {
				return err
			}
			encode := yaml.Marshal
			if a.output == outputJSON {
				encode = json.Marshal
			}
			text, err := encode(config)
			if err != nil {
				return err
			}
			fmt.Fprintln(a.out, strings.TrimSpace(string(text)))
			return nil
		},
	}
}

// version is set by the linker for releases.
var version = ""

func newVersion(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Show the version", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			v := version
			goVersion := ""
			if info, ok := debug.ReadBuildInfo(); ok {
				goVersion = info.GoVersion
				if v == "" {
					v = info.Main.Version
				}
			}
			view := struct {
				Version string `json:"version"`
				Go      string `json:"go"`
			}{v, goVersion}
			return a.print(view, "VERSION\tGO", fmt.Sprintf("%s\t%s", v, goVersion))
		},
	}
}
