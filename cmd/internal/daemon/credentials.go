package daemon

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
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
	var pems []cluster.PEM
	for _, file := range []struct {
		key, path string
		read      func(key, path string, limit int64) ([]byte, error)
	}{
		{"tls_ca", c.TLSCA, readPublic}, {"tls_cert", c.TLSCert, readPublic}, {"tls_key", c.TLSKey, readPrivate},
	} {
		data, err := file.read(file.key, file.path, maxTLSFile)
		if err != nil {
			return nil, nil, err
		}
		files = append(files, credentialFile{"cluster." + file.key, file.path, sha256.Sum256(data)})
		pems = append(pems, cluster.PEM{Name: file.key + " " + file.path, Data: data})
	}
	credentials, err := cluster.CredentialsFromPEM(pems[0], pems[1], pems[2], c.Name)
	return credentials, files, err
}

// maxTLSFile bounds a TLS file; a bundle of all public CAs has a quarter of it.
const maxTLSFile = 1 << 20

// readPublic reads the file of a key of the config, which anybody may read.
func readPublic(key, path string, limit int64) ([]byte, error) {
	f, err := config.OpenFile(path)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	defer f.Close()
	data, err := readAtMost(f, limit)
	if err != nil {
		return nil, fmt.Errorf("read %s: %s: %w", key, path, bare(err))
	}
	return data, nil
}

// bare is an error of a file without its path, which is named before it.
func bare(err error) error {
	if failed, ok := errors.AsType[*fs.PathError](err); ok {
		return failed.Err
	}
	return err
}

// readAtMost reads all there is, unless that is more than limit bytes.
func readAtMost(r io.Reader, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("more than %d bytes", limit)
	}
	return data, err
}
