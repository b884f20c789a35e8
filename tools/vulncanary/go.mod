module github.com/signet-id/signet/tools/vulncanary

go 1.26.0

// Never update: fixed in v2.2.4.
require gopkg.in/yaml.v2 v2.2.3
