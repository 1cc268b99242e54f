package daemon

import (
	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/vip/route"
)
