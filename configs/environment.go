package configs

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// fileSuffix ends the name of a variable that names the file with the value.
const fileSuffix = "_FILE"

// environment overlays the settings with the variables that are ours.
func (l *loader) environment(environ []string) {
	vars := map[string]string{}
	for _, entry := range environ {
		if name, value, _ := strings.Cut(entry, "="); strings.HasPrefix(name, envPrefix) && !foreign(name, value) {
			vars[name] = value
		}
	}
	known := map[string]setting{}
	for _, s := range settings(&l.config) {
		known[s.env()] = s
	}
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		if s, ok := known[name]; ok { // also one that ends with _FILE, such as SIGNET_SERVER_TLS_KEY_FILE
			l.set(s, origin{where: name}, vars[name])
			continue
		}
		base := strings.TrimSuffix(name, fileSuffix)
		s, ok := known[base]
		if !ok || base == name {
			l.fault(name, "", "", unknown("variable", base, slices.Sorted(maps.Keys(known))))
			continue
		}
		if _, both := vars[base]; both {
			l.fault(name, s.key, "", fmt.Sprintf("want either %s or %s", base, name))
			continue
		}
		l.setFromFile(s, name, vars[name])
	}
}

// kubernetesVariable matches what Kubernetes puts into every container of a namespace that has a
// service named "signet" or "signet-…".
var kubernetesVariable = regexp.MustCompile(`_SERVICE_(HOST|PORT)|_PORT_[0-9]+_(TCP|UDP|SCTP)|_PORT=(tcp|udp|sctp)://`)

// foreign tells whether a variable starts like ours and is not a setting.
func foreign(name, value string) bool {
	return strings.HasPrefix(name, "SIGNET_TEST_") || // servers for the tests
		strings.HasPrefix(name, "SIGNET_SUPERUSER_") || // signet createsuperuser --noinput
		kubernetesVariable.MatchString(name+"="+value)
}
