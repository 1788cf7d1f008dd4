package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/term"
)

// secretForms says how a secret is written.
const secretForms = "write file:PATH, cmd:COMMAND, cred:NAME or prompt"

// Bounds on getting a secret.
const (
	maxSecret     = 64 << 10
	secretCommand = 30 * time.Second
)

// isSecretRef reports whether text refers to a secret. The word prompt counts
// only where nothing but a secret is expected: see checkSecret.
func isSecretRef(text string) bool {
	return strings.HasPrefix(text, "file:") || strings.HasPrefix(text, "cmd:") || strings.HasPrefix(text, "cred:")
}

// checkSecret wants a reference. It does not repeat the text, which is the
// secret itself when somebody wrote it bare.
func checkSecret(text string) error {
	kind, rest, _ := strings.Cut(text, ":")
	switch {
	case text == "prompt":
		return nil
	case kind == "env":
		return fault{What: "secrets are not taken from the environment, which every child process sees", Next: secretForms}
	case !isSecretRef(text):
		return fault{What: "a secret may not be written here itself", Next: secretForms}
	case strings.TrimSpace(rest) == "":
		return fault{What: "the secret reference " + kind + ": names nothing", Next: secretForms}
	case kind == "cred" && (rest != filepath.Base(rest) || rest == "." || rest == ".."):
		return fault{What: quoted(rest) + " is no name of a systemd credential", Next: "write the name alone: cred:NAME, for $CREDENTIALS_DIRECTORY/NAME"}
	}
	return nil
}

// secret reads what ref refers to: file:PATH, cmd:COMMAND (run by sh, at most
// 30 s), cred:NAME ($CREDENTIALS_DIRECTORY/NAME) or prompt (asks on the
// terminal). One line end is cut off. The error never holds the secret; it is a
// *usageError where the user can mend it.
func secret(ref string) (string, error) {
	if err := checkSecret(ref); err != nil {
		return "", asUsageError([]fault{faultAt("", err)})
	}
	kind, rest, _ := strings.Cut(ref, ":")
	var text string
	var err error
	switch kind {
	case "file":
		text, err = readSecretFile(rest)
	case "cmd":
		text, err = runSecretCommand(rest)
	case "cred":
		dir := os.Getenv("CREDENTIALS_DIRECTORY")
		if dir == "" {
			return "", newUsageError(ref, "$CREDENTIALS_DIRECTORY is not set", "start crawl as a systemd unit with LoadCredential="+rest+":PATH")
		}
		text, err = readSecretFile(filepath.Join(dir, rest))
	case "prompt":
		text, err = askSecret()
	}
	if err != nil {
		return "", newUsageError(ref, err.Error(), "")
	}
	text = strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
	if text == "" || len(text) > maxSecret {
		return "", newUsageError(ref, "the secret is empty or longer than 64 KiB", "")
	}
	return text, nil
}

func readSecretFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxSecret+3)) // its line end, and one byte too many
	return string(b), err
}

func runSecretCommand(command string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), secretCommand)
	defer cancel()
	c := exec.CommandContext(ctx, "sh", "-c", command)
	c.Stdin, c.Stderr, c.WaitDelay = os.Stdin, os.Stderr, time.Second
	out, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("the command failed: %w", err)
	}
	return string(out), nil
}

// askSecret reads a line from the terminal without showing it.
func askSecret() (string, error) {
	in := int(os.Stdin.Fd())
	if !term.IsTerminal(in) {
		return "", errors.New("standard input is no terminal to ask on; " + secretForms)
	}
	fmt.Fprint(os.Stderr, "secret: ")
	b, err := term.ReadPassword(in)
	fmt.Fprintln(os.Stderr)
	return string(b), err
}
