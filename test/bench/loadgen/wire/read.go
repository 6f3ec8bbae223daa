package wire

import (
	"errors"

	"google.golang.org/protobuf/encoding/protowire"
)

const (
	serverReply     = 1
	serverEntries   = 2
	serverReceipt   = 3
	serverSkipped   = 10
	serverHeartbeat = 12

	replyRequest = 1
	replySend    = 2
	replyError   = 3
	replyComment = 5

	// The same in SendResult and CommentResult.
	resultSequence = 2

	entriesThread = 1
	entriesEntry  = 3

	entrySequence = 1
	entrySender   = 3
	entryMessage  = 8

	messageContent = 1

	receiptUser      = 2
	receiptDelivered = 3
	receiptRead      = 4

	skippedThread  = 1
	skippedChannel = 2
	skippedFrom    = 4
	skippedTo      = 5
)

// Visitor hears the frames of an OpenResponse in order. All bytes are valid only until the method returns.
type Visitor interface {
	// Reply is the answer to a frame: with the sequence of a send or the number of a comment, or with a google.rpc.Status if it was refused.
	Reply(request, sequence uint64, refusal []byte)
	// Entry is one entry of a thread; the text is empty for anything but a message in plain text.
	Entry(thread []byte, sequence uint64, sender, text []byte)
	// Receipt is how far somebody else has a direct thread.
	Receipt(user []byte, delivered, read uint64)
	// Skipped are entries of a thread or comments of a channel left out, both ends included.
	Skipped(what []byte, from, to uint64)
	// HeartbeatReply answers a heartbeat.
	HeartbeatReply()
	// Other is every other kind of frame: the field of ServerFrame's oneof and its message.
	Other(field int, message []byte)
}

var errMalformed = errors.New("malformed protobuf")

// next cuts the first field off a message: its number, and its bytes or its integer.
func next(message []byte) (field protowire.Number, bytes []byte, value uint64, rest []byte, err error) {
	field, kind, n := protowire.ConsumeTag(message)
	if n < 0 {
		return 0, nil, 0, nil, errMalformed
	}
	message = message[n:]
	switch kind {
	case protowire.BytesType:
		bytes, n = protowire.ConsumeBytes(message)
	case protowire.VarintType:
		value, n = protowire.ConsumeVarint(message)
	default:
		n = protowire.ConsumeFieldValue(field, kind, message)
	}
	if n < 0 {
		return 0, nil, 0, nil, errMalformed
	}
	return field, bytes, value, message[n:], nil
}

// Read tells the visitor what an OpenResponse holds.
func Read(response []byte, visitor Visitor) error {
	for len(response) > 0 {
		field, frame, _, rest, err := next(response)
		if err != nil {
			return err
		}
		if response = rest; field != framesField {
			continue
		}
		for len(frame) > 0 {
			kind, message, _, rest, err := next(frame)
			if err != nil {
				return err
			}
			if err := readFrame(int(kind), message, visitor); err != nil {
				return err
			}
			frame = rest
		}
	}
	return nil
}

func readFrame(kind int, message []byte, visitor Visitor) error {
	switch kind {
	case serverReply:
		return readReply(message, visitor)
	case serverEntries:
		return readEntries(message, visitor)
	case serverReceipt:
		return readReceipt(message, visitor)
	case serverSkipped:
		return readSkipped(message, visitor)
	case serverHeartbeat:
		visitor.HeartbeatReply()
	default:
		visitor.Other(kind, message)
	}
	return nil
}

func readReply(message []byte, visitor Visitor) error {
	var request, sequence uint64
	var refusal []byte
	for len(message) > 0 {
		field, bytes, value, rest, err := next(message)
		if err != nil {
			return err
		}
		switch message = rest; field {
		case replyRequest:
			request = value
		case replySend, replyComment:
			if sequence, err = uintOf(bytes, resultSequence); err != nil {
				return err
			}
		case replyError:
			refusal = bytes
		}
	}
	visitor.Reply(request, sequence, refusal)
	return nil
}

func uintOf(message []byte, wanted protowire.Number) (found uint64, err error) {
	for len(message) > 0 {
		field, _, value, rest, err := next(message)
		if err != nil {
			return 0, err
		}
		if message = rest; field == wanted {
			found = value
		}
	}
	return found, nil
}

func bytesOf(message []byte, wanted protowire.Number) (found []byte, err error) {
	for len(message) > 0 {
		field, bytes, _, rest, err := next(message)
		if err != nil {
			return nil, err
		}
		if message = rest; field == wanted {
			found = bytes
		}
	}
	return found, nil
}

func readEntries(message []byte, visitor Visitor) error {
	thread, err := bytesOf(message, entriesThread)
	if err != nil {
		return err
	}
	for len(message) > 0 {
		field, entry, _, rest, err := next(message)
		if err != nil {
			return err
		}
		if message = rest; field != entriesEntry {
			continue
		}
		if err := readEntry(thread, entry, visitor); err != nil {
			return err
		}
	}
	return nil
}

func readEntry(thread, entry []byte, visitor Visitor) error {
	var sequence uint64
	var sender, text []byte
	for len(entry) > 0 {
		field, bytes, value, rest, err := next(entry)
		if err != nil {
			return err
		}
		switch entry = rest; field {
		case entrySequence:
			sequence = value
		case entrySender:
			sender = bytes
		case entryMessage:
			content, err := bytesOf(bytes, messageContent)
			if err != nil {
				return err
			}
			if text, err = bytesOf(content, contentText); err != nil {
				return err
			}
		}
	}
	visitor.Entry(thread, sequence, sender, text)
	return nil
}

func readReceipt(message []byte, visitor Visitor) error {
	var user []byte
	var delivered, read uint64
	for len(message) > 0 {
		field, bytes, value, rest, err := next(message)
		if err != nil {
			return err
		}
		switch message = rest; field {
		case receiptUser:
			user = bytes
		case receiptDelivered:
			delivered = value
		case receiptRead:
			read = value
		}
	}
	visitor.Receipt(user, delivered, read)
	return nil
}

func readSkipped(message []byte, visitor Visitor) error {
	var what []byte
	var from, to uint64
	for len(message) > 0 {
		field, bytes, value, rest, err := next(message)
		if err != nil {
			return err
		}
		switch message = rest; field {
		case skippedThread, skippedChannel:
			what = bytes
		case skippedFrom:
			from = value
		case skippedTo:
			to = value
		}
	}
	visitor.Skipped(what, from, to)
	return nil
}
