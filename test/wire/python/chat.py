"""A chat client written from proto/README.md alone: chat.py TARGET TOKEN DEVICE. It says what happens as JSON lines.
On stdin: `open USER`, `post THREAD TEXT`, `cut` (breaks its own stream, as a lost network would)."""
import collections, contextlib, itertools, json, os, queue, random, sys, threading, time
import grpc
from parley.v1 import entry_pb2, history_service_pb2 as h, history_service_pb2_grpc as history_rpc
from parley.v1 import stream_service_pb2 as s, stream_service_pb2_grpc as stream_rpc
from parley.v1 import thread_service_pb2 as t, thread_service_pb2_grpc as threads_rpc

say = lambda **line: print(json.dumps(line), flush=True)
class Chat:
    def __init__(self, target, token, device):
        self.id, self.auth, channel = device, [("authorization", "Bearer " + token)], grpc.insecure_channel(target)
        self.streams, self.history = stream_rpc.StreamServiceStub(channel), history_rpc.HistoryServiceStub(channel)
        self.threads, self.lock, self.outbox = threads_rpc.ThreadServiceStub(channel), threading.RLock(), {}
        self.resume, self.ack_time, self.request_ids, self.held = b"", 0, itertools.count(1), collections.Counter()
        self.acked, self.heads, self.epochs = collections.Counter(), {}, {}  # like `held`: by thread
    def locked(self, step, *arguments):
        with self.lock: step(*arguments)
    def later(self, delay, step, *arguments): threading.Timer(delay, self.locked, (step, *arguments)).start()
    def run(self):  # one stream after the other
        tries, goodbye = 0, s.Goodbye(reconnect=True)
        while goodbye.reconnect:
            goodbye, began = s.Goodbye(reconnect=True), time.monotonic()
            with self.lock:
                self.out, self.waiting = queue.Queue(), {}
                held = [s.ThreadPosition(thread_id=thread, up_to_sequence=to) for thread, to in self.held.items()][:256]
                self.write(hello=s.Hello(device_id=self.id, resume_token=self.resume, positions=held, api_revision=1))
                for send in [*self.outbox.values()]: self.send(send)  # unchanged, in order: same answers as before
                self.call = self.streams.Open(iter(self.out.get, None), metadata=self.auth)
            with contextlib.suppress(grpc.RpcError):
                for frame in (frame for response in self.call for frame in response.frames):
                    goodbye = frame.goodbye if frame.HasField("goodbye") else goodbye
                    self.locked(self.take, frame.WhichOneof("frame"), frame)
            self.out.put(None)
            tries = min(8, 1 if time.monotonic() - began > 30 else tries + 1)
            asked = goodbye.delay.ToTimedelta() + random.random() * goodbye.jitter.ToTimedelta()
            time.sleep(max(asked.total_seconds(), random.random() * [0, 0.2, 0.6, 1.2, 4, 8, 16, 32, 60][tries]))
    def take(self, kind, frame):
        if kind == "welcome":
            self.user = frame.welcome.user_id
            self.beat(self.out, frame.welcome.heartbeat_interval.ToMilliseconds() / 1000)
            say(welcome=self.user, resumed=frame.welcome.resumed)
        elif kind in ("caught_up", "heartbeat_reply"):
            self.resume = getattr(frame, kind).resume_token or self.resume
        elif kind == "heads_changed":
            self.miss({head.thread_id: head.sequence for head in frame.heads_changed.heads})
        elif kind == "skipped" and frame.skipped.thread_id:
            self.miss({frame.skipped.thread_id: frame.skipped.to})
        elif kind == "entries_appended":
            self.hear(frame.entries_appended.thread_id, frame.entries_appended.epoch, frame.entries_appended.entries)
        elif kind == "reply" and frame.reply.request_id in self.waiting:
            send, result, error = self.waiting.pop(frame.reply.request_id), frame.reply.send, frame.reply.error
            if error.code in (4, 8, 14): return self.later(1, self.send, send)  # may succeed later: the same again
            del self.outbox[send.client_message_id]
            say(sent=result.sequence, duplicate=result.duplicate, refused=error.message)
            own = entry_pb2.Entry(sequence=result.sequence, sender_id=self.user, message={"content": send.content})
            self.hear(send.thread_id, result.epoch, [] if error.code else [own])
    def hear(self, thread, epoch, entries):
        if entries and self.epochs.setdefault(thread, epoch) != epoch:  # another life of the log: begin anew
            self.epochs[thread], self.held[thread], self.acked[thread] = epoch, 0, 0
        for entry in entries:
            if entry.sequence > self.held[thread] + 1: return self.miss({thread: entry.sequence})
            if entry.sequence == self.held[thread] + 1:
                self.held[thread] = entry.sequence
                say(thread=thread, sequence=entry.sequence, sender=entry.sender_id, text=entry.message.content.text)
        self.later(max(0, self.ack_time + 1 - time.monotonic()), self.ack, thread)
    def ack(self, thread):
        if self.held[thread] > self.acked[thread]:
            self.acked[thread], self.ack_time = self.held[thread], time.monotonic()
            self.write(ack=s.Ack(position=s.ThreadPosition(thread_id=thread, up_to_sequence=self.held[thread])))
    def miss(self, heads):  # these are there: unless they come by themselves, fetch them
        self.heads.update(heads)
        self.later(random.uniform(0.3, 1), self.fetch)
    def fetch(self):
        for thread in [thread for thread, head in self.heads.items() if head > self.held[thread]]:
            request = h.ListEntriesRequest(thread_id=thread, after_sequence=self.held[thread])
            answer = self.history.ListEntries(request, metadata=self.auth, timeout=10)
            self.held[thread] = max(self.held[thread], answer.head.visible_from_sequence - 1)
            self.hear(thread, answer.head.epoch, answer.entries)
    def write(self, request_id=0, **frame):
        self.out.put(s.OpenRequest(frames=[s.ClientFrame(request_id=request_id, **frame)]))
    def beat(self, out, interval):
        if out is self.out:
            self.write(heartbeat=s.Heartbeat())
            self.later(interval * random.uniform(0.9, 1.1), self.beat, out, interval)
    def send(self, send):
        self.outbox[send.client_message_id] = self.waiting[request_id := next(self.request_ids)] = send
        self.write(request_id, send=send)
    def open(self, user):
        answer = self.threads.OpenDirectThread(t.OpenDirectThreadRequest(user_id=user), metadata=self.auth)
        say(opened=answer.thread.thread_id)
    def post(self, thread, text):
        message_id, head = os.urandom(8).hex(), self.held[thread]
        self.send(s.Send(thread_id=thread, client_message_id=message_id, known_head=head, content={"text": text}))

chat = Chat(*sys.argv[1:])
threading.Thread(target=chat.run, daemon=True).start()
for command, *arguments in (line.rstrip("\n").split(" ", 2) for line in sys.stdin):
    chat.call.cancel() if command == "cut" else chat.locked(getattr(chat, command), *arguments)
os._exit(0)
