package daemon

import "golang.org/x/sync/errgroup"

// crew runs the parts of the daemon, all of which end when one fails.
type crew struct {
	*errgroup.Group
	failed func(error) // called by a part that fails, before the others learn of it
}

// Go runs a part.
func (c *crew) Go(part func() error) {
	c.Group.Go(func() error {
		err := part()
		if err != nil {
			c.failed(err)
		}
		return err
	})
}
