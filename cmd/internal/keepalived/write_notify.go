package keepalived

// writeNotices says in [[notify]] who is told of changes.
func (im *importer) writeNotices() {
}
