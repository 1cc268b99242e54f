package daemon

import (
	"crypto/sha256"
	"fmt"
	"io"
	"slices"

	"github.com/perch-vip/perch/cluster"
	"github.com/perch-vip/perch/cmd/internal/config"
)

// credentialFile is one file that credentials were made of, and what it held, as
// far as anybody may know.
type credentialFile struct {
	key, path string
	sum       [sha256.Size]byte
}

// rewritten names the files that hold something else than before. Those of which
// the path has changed are not among them.
func rewritten(before, now []credentialFile) []string {
	var warnings []string
	for _, file := range now {
		was := slices.IndexFunc(before, func(f credentialFile) bool { return f.key == file.key && f.path == file.path })
		if was >= 0 && before[was].sum != file.sum {
			warnings = append(warnings, fmt.Sprintf("%s's contents have changed and take effect at the next start", file.key))
		}
	}
	return warnings
}

// readCredentials reads or derives what proves this node to its peers, and tells
// what it read for it.
func readCredentials(c *config.Cluster, node string) (*cluster.Credentials, []credentialFile, error) {
	switch {
	case c.Insecure:
		credentials, err := cluster.CredentialsFromSecret(nil, c.Name, node)
		return credentials, nil, err
	case c.SecretFile != "":
		secret, err := readSecret(c.SecretFile)
		if err != nil {
			return nil, nil, err
		}
		credentials, err := cluster.CredentialsFromSecret(secret, c.Name, node)
		return credentials, []credentialFile{{"cluster.secret_file", c.SecretFile, sha256.Sum256(secret)}}, err
	}
	var files []credentialFile
	for _, file := range []credentialFile{{key: "tls_ca", path: c.TLSCA}, {key: "tls_cert", path: c.TLSCert}, {key: "tls_key", path: c.TLSKey}} {
		data, err := readTLSFile(file.path)
		if err != nil {
			return nil, nil, fmt.Errorf("read %s: %w", file.key, err)
		}
		files = append(files, credentialFile{"cluster." + file.key, file.path, sha256.Sum256(data)})
	}
	credentials, err := cluster.CredentialsFromFiles(c.TLSCA, c.TLSCert, c.TLSKey, c.Name)
	return credentials, files, err
}

func readTLSFile(path string) ([]byte, error) {
	f, err := config.OpenFile(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}
