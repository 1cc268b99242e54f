package seesaw

import (
	"fmt"

	pb "github.com/google/seesaw/pb/config"
)

// remarkRest says what becomes of all that is not about VIPs and services.
func (im *importer) remarkRest(c *pb.Cluster) {
	if c.Vmac != nil {
		im.note(im.root.at("vmac"), "vmac", "Seesaw's engine does not read it; perch has no virtual MAC in a [cluster], and tells neighbors of a new owner by ARP and ND")
	}
	if len(c.GetDedicatedVipSubnet()) > 0 {
		im.note(im.root.at("dedicated_vip_subnet"), "dedicated_vip_subnet", "routers must lead it to an address of seesaw_vip, as for Seesaw; its VIPs are on lo of the owner")
	}
	im.remarkAccess(c)
	im.remarkMisconfigured(c)
	for i, v := range im.root.every("vserver").fields {
		if old := v.every("legacy_backend"); len(old.fields) > 0 && i < len(c.GetVserver()) {
			im.lose(old.nth(0).place, "legacy_backend", "has passed over it since it was renamed", "write it as backend")
		}
	}
}

// remarkAccess says once that there are no grants.
func (im *importer) remarkAccess(c *pb.Cluster) {
	n, first := len(c.GetAccessGroups()), im.root.one("access_groups")
	for i, v := range c.GetVserver() {
		grants := len(v.GetAccessGrant())
		if grants > 0 && n == 0 {
			first = im.root.every("vserver").nth(i).one("access_grant")
		}
		n += grants
	}
	if n > 0 {
		im.lose(first.place, "access_grant", fmt.Sprintf("lets users and groups override single vservers (%d grants and groups)", n),
			"with perch whoever may use the control socket gives all orders: put them in its group")
	}
}

// remarkMisconfigured keeps what was told of vservers that are not in the file.
func (im *importer) remarkMisconfigured(c *pb.Cluster) {
	written := im.root.every("misconfigured_vserver")
	for i, v := range c.GetMisconfiguredVserver() {
		text := fmt.Sprintf("vserver %s is not in the file, as misconfigured: %s", v.GetName(), v.GetErrorMessage())
		im.note(written.nth(i).place, "misconfigured_vserver", text)
		im.doc.Tail = append(im.doc.Tail, text)
	}
}
