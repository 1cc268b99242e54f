package fence

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// batch is a transaction, ready to be sent but for its numbers.
type batch struct {
	data     []byte
	headers  []int // where messages begin
	timeouts []int // where timeouts are
}

// nfgenmsgLength is the length of what follows the header of each message
// (linux/netfilter/nfnetlink.h).
const nfgenmsgLength = 4

// openingBatch replaces the elements of all lease sets. Emptying a set first, rather
// than deleting its element, also succeeds when the element has expired.
func openingBatch(lease string, tables []layout) batch {
	b := newBatch()
	for i, t := range tables {
		b.flush(byte(t.table.Family), lease)
		b.add(byte(t.table.Family), lease, t.leases)
		b.acknowledge(i == len(tables)-1)
	}
	return b.ended()
}

func shuttingBatch(lease string, tables []layout) batch {
	b := newBatch()
	for i, t := range tables {
		b.flush(byte(t.table.Family), lease)
		b.acknowledge(i == len(tables)-1)
	}
	return b.ended()
}

func newBatch() *batch {
	b := &batch{}
	b.message(unix.NFNL_MSG_BATCH_BEGIN, 0, 0, unix.NFNL_SUBSYS_NFTABLES)
	return b
}

func (b *batch) ended() batch {
	b.message(unix.NFNL_MSG_BATCH_END, 0, 0, unix.NFNL_SUBSYS_NFTABLES)
	return *b
}

// message begins a message; what is appended until finish is in it.
func (b *batch) message(kind, flags uint16, family byte, resource uint16) {
	b.headers = append(b.headers, len(b.data))
	b.data = binary.NativeEndian.AppendUint32(b.data, unix.SizeofNlMsghdr+nfgenmsgLength)
	b.data = binary.NativeEndian.AppendUint16(b.data, kind)
	b.data = binary.NativeEndian.AppendUint16(b.data, unix.NLM_F_REQUEST|flags)
	b.data = append(b.data, make([]byte, 8)...) // number, and port of the sender
	b.data = append(b.data, family, unix.NFNETLINK_V0)
	b.data = binary.BigEndian.AppendUint16(b.data, resource)
}

func (b *batch) flush(family byte, set string) {
	b.message(unix.NFNL_SUBSYS_NFTABLES<<8|unix.NFT_MSG_DELSETELEM, 0, family, 0)
	b.inSet(set)
	b.finish(b.headers[len(b.headers)-1])
}

func (b *batch) add(family byte, set string, keys []byte) {
	b.message(unix.NFNL_SUBSYS_NFTABLES<<8|unix.NFT_MSG_NEWSETELEM, unix.NLM_F_CREATE, family, 0)
	b.inSet(set)
	b.nested(unix.NFTA_SET_ELEM_LIST_ELEMENTS, func() {
		for _, key := range keys {
			b.nested(unix.NFTA_LIST_ELEM, func() { b.element(key) })
		}
	})
	b.finish(b.headers[len(b.headers)-1])
}

func (b *batch) inSet(set string) {
	b.attribute(unix.NFTA_SET_ELEM_LIST_TABLE, []byte(tableName+"\x00"))
	b.attribute(unix.NFTA_SET_ELEM_LIST_SET, []byte(set+"\x00"))
}

func (b *batch) element(key byte) {
	b.nested(unix.NFTA_SET_ELEM_KEY, func() { b.attribute(unix.NFTA_DATA_VALUE, []byte{key}) })
	b.attribute(unix.NFTA_SET_ELEM_TIMEOUT, make([]byte, 8))
	b.timeouts = append(b.timeouts, len(b.data)-8)
}

func (b *batch) attribute(kind uint16, value []byte) {
	b.data = binary.NativeEndian.AppendUint16(b.data, uint16(unix.SizeofNlAttr+len(value)))
	b.data = binary.NativeEndian.AppendUint16(b.data, kind)
	b.data = append(b.data, value...)
	b.data = append(b.data, make([]byte, -len(value)&3)...)
}

func (b *batch) nested(kind uint16, fill func()) {
	at := len(b.data)
	b.attribute(kind|unix.NLA_F_NESTED, nil)
	fill()
	binary.NativeEndian.PutUint16(b.data[at:], uint16(len(b.data)-at))
}

// finish writes the length of the message that begins at a position.
func (b *batch) finish(at int) {
	binary.NativeEndian.PutUint32(b.data[at:], uint32(len(b.data)-at))
}

// acknowledge has the kernel answer the newest message.
func (b *batch) acknowledge(last bool) {
	if last {
		at := b.headers[len(b.headers)-1] + 6
		binary.NativeEndian.PutUint16(b.data[at:], binary.NativeEndian.Uint16(b.data[at:])|unix.NLM_F_ACK)
	}
}
