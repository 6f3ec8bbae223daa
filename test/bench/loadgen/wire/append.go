// Package wire writes and reads the frames of which a bench sees hundreds of thousands a second, straight from and
// to bytes. All else goes through the generated stubs; the tests hold the two against each other.
package wire

import "google.golang.org/protobuf/encoding/protowire"

// The numbers of proto/parley/v1/stream_service.proto and entry.proto that the hot frames use.
const (
	framesField = 1 // OpenRequest and OpenResponse

	requestID      = 1 // ClientFrame
	frameSend      = 3
	frameAck       = 4
	frameMarkRead  = 5
	frameSubscribe = 7
	frameHeartbeat = 10
	framePublish   = 12

	sendThread  = 1
	sendID      = 2
	sendHead    = 3
	sendContent = 8
	contentText = 1

	positionThread = 1
	positionUpTo   = 2

	subscribeThread  = 1
	subscribeChannel = 2
	subscribeClass   = 3
	subscribeMaxRate = 4

	publishChannel = 1
	publishID      = 2
	publishText    = 3
)

func sizeOfBytes(field protowire.Number, n int) int {
	return protowire.SizeTag(field) + protowire.SizeBytes(n)
}

func sizeOfUint(field protowire.Number, v uint64) int {
	if v == 0 {
		return 0
	}
	return protowire.SizeTag(field) + protowire.SizeVarint(v)
}

func appendUint(out []byte, field protowire.Number, v uint64) []byte {
	if v == 0 {
		return out
	}
	return protowire.AppendVarint(protowire.AppendTag(out, field, protowire.VarintType), v)
}

func appendHeader(out []byte, field protowire.Number, length int) []byte {
	return protowire.AppendVarint(protowire.AppendTag(out, field, protowire.BytesType), uint64(length))
}

func appendString(out []byte, field protowire.Number, s string) []byte {
	return append(appendHeader(out, field, len(s)), s...)
}

// frame opens one ClientFrame in an OpenRequest: what follows are the `length` bytes of its one field's message.
func frame(out []byte, request uint64, field protowire.Number, length int) []byte {
	out = appendHeader(out, framesField, sizeOfUint(requestID, request)+sizeOfBytes(field, length))
	return appendHeader(appendUint(out, requestID, request), field, length)
}

// AppendSend appends a frame that sends a text; its reply carries `request`.
func AppendSend(out []byte, request uint64, thread, id string, head uint64, text []byte) []byte {
	content := sizeOfBytes(contentText, len(text))
	out = frame(out, request, frameSend, sizeOfBytes(sendThread, len(thread))+sizeOfBytes(sendID, len(id))+
		sizeOfUint(sendHead, head)+sizeOfBytes(sendContent, content))
	out = appendString(out, sendThread, thread)
	out = appendString(out, sendID, id)
	out = appendUint(out, sendHead, head)
	out = appendHeader(out, sendContent, content)
	return append(appendHeader(out, contentText, len(text)), text...)
}

// AppendAck appends a frame that says that the device holds the thread up to a sequence.
func AppendAck(out []byte, thread string, upTo uint64) []byte {
	return appendPosition(out, 0, frameAck, thread, upTo)
}

// AppendMarkRead appends a frame that says that the user has read the thread up to a sequence.
func AppendMarkRead(out []byte, request uint64, thread string, upTo uint64) []byte {
	return appendPosition(out, request, frameMarkRead, thread, upTo)
}

func appendPosition(out []byte, request uint64, field protowire.Number, thread string, upTo uint64) []byte {
	position := sizeOfBytes(positionThread, len(thread)) + sizeOfUint(positionUpTo, upTo)
	out = frame(out, request, field, sizeOfBytes(1, position))
	out = appendHeader(out, 1, position)
	return appendUint(appendString(out, positionThread, thread), positionUpTo, upTo)
}

// AppendSubscribe appends a frame that says that the thread is on screen.
func AppendSubscribe(out []byte, request uint64, thread string) []byte {
	return appendString(frame(out, request, frameSubscribe, sizeOfBytes(subscribeThread, len(thread))), subscribeThread, thread)
}

// AppendListen appends a frame that says that the channel is to be heard, in a delivery class (0 = everything), at most `maxRate`
// comments a second of it where the class is sampled.
func AppendListen(out []byte, request uint64, channel string, class, maxRate uint64) []byte {
	out = frame(out, request, frameSubscribe, sizeOfBytes(subscribeChannel, len(channel))+
		sizeOfUint(subscribeClass, class)+sizeOfUint(subscribeMaxRate, maxRate))
	out = appendString(out, subscribeChannel, channel)
	return appendUint(appendUint(out, subscribeClass, class), subscribeMaxRate, maxRate)
}

// AppendPublish appends a frame that publishes a comment; its reply carries `request`.
func AppendPublish(out []byte, request uint64, channel, id string, text []byte) []byte {
	out = frame(out, request, framePublish, sizeOfBytes(publishChannel, len(channel))+sizeOfBytes(publishID, len(id))+
		sizeOfBytes(publishText, len(text)))
	out = appendString(appendString(out, publishChannel, channel), publishID, id)
	return append(appendHeader(out, publishText, len(text)), text...)
}

// AppendHeartbeat appends a heartbeat of an app that is not in front of the user.
func AppendHeartbeat(out []byte) []byte { return frame(out, 0, frameHeartbeat, 0) }
