"""A chat client written from proto/README.md alone: chat.py TARGET TOKEN DEVICE. It says what happens, one JSON line each.
On stdin: `open USER`, `send THREAD TEXT`, `break` (cuts its own stream, as a lost network would)."""
import itertools, json, os, queue, random, sys, threading, time, uuid
import grpc
from parley.v1 import entry_pb2, error_pb2, history_service_pb2, history_service_pb2_grpc, stream_service_pb2 as s
from parley.v1 import stream_service_pb2_grpc, thread_service_pb2, thread_service_pb2_grpc

def say(**line):
    print(json.dumps(line), flush=True)

class Chat:
    def __init__(self, target, token, device):
        self.device, self.auth, channel = device, [("authorization", "Bearer " + token)], grpc.insecure_channel(target)
        self.streams = stream_service_pb2_grpc.StreamServiceStub(channel)
        self.history = history_service_pb2_grpc.HistoryServiceStub(channel)
        self.threads = thread_service_pb2_grpc.ThreadServiceStub(channel)
        self.lock, self.out, self.resume, self.request_ids = threading.RLock(), queue.Queue(), b"", itertools.count(1)
        self.held, self.heads, self.ack_time, self.unacked, self.outbox, self.waiting = {}, {}, 0.0, set(), {}, {}

    def locked(self, step, *arguments):
        with self.lock:
            return step(*arguments)

    def later(self, delay, step, *arguments):
        threading.Timer(delay, self.locked, (step, *arguments)).start()

    def open(self):
        self.out, self.live, self.waiting = queue.Queue(), None, {}
        self.post(hello=s.Hello(device_id=self.device, resume_token=self.resume, api_revision=1))
        for send in self.outbox.values():  # unchanged and in order: what is durable already is answered as before
            self.send(send)
        self.call = self.streams.Open(iter(self.out.get, None), metadata=self.auth)

    def run(self):  # one stream after the other
        tries, goodbye = 0, s.Goodbye(reconnect=True)
        while goodbye.reconnect:
            self.locked(self.open)
            goodbye = s.Goodbye(reconnect=True)
            try:
                for frame in (frame for response in self.call for frame in response.frames):
                    goodbye = frame.goodbye if frame.HasField("goodbye") else goodbye
                    self.locked(self.take, frame.WhichOneof("frame"), frame)
            except grpc.RpcError as error:
                say(broken=error.code().name)
            self.out.put(None)
            tries = 1 if self.live and time.monotonic() - self.live > 30 else tries + 1
            spread = [0.2, 0.6, 1.2][tries - 1] if tries <= 3 else min(60, 2 * 2 ** (tries - 3))
            asked = goodbye.delay.ToMilliseconds() / 1e3 + random.random() * goodbye.jitter.ToMilliseconds() / 1e3
            time.sleep(max(asked, random.random() * spread))
        say(ended=s.GoodbyeReason.Name(goodbye.reason))

    def post(self, request_id=0, **frame):
        self.out.put(s.OpenRequest(frames=[s.ClientFrame(request_id=request_id, **frame)]))

    def send(self, send):
        self.outbox[send.client_message_id] = self.waiting[request_id := next(self.request_ids)] = send
        self.post(request_id, send=send)

    def beat(self, out, interval):
        if out is self.out:
            self.post(heartbeat=s.Heartbeat())
            self.later(interval * random.uniform(0.9, 1.1), self.beat, out, interval)

    def take(self, kind, frame):
        if kind == "welcome":
            say(welcome=frame.welcome.user_id, resumed=frame.welcome.resumed)
            self.beat(self.out, frame.welcome.heartbeat_interval.ToMilliseconds() / 1e3)
        elif kind == "caught_up":
            self.live, self.resume = time.monotonic(), frame.caught_up.resume_token
            for head in list(self.heads.values()):
                self.note(head)
            say(caught_up=True)
        elif kind == "heads_changed":
            for head in frame.heads_changed.heads:
                self.note(head)
        elif kind == "skipped" and frame.skipped.thread_id:
            self.fetch(frame.skipped.thread_id)
        elif kind == "entries_appended":
            self.apply(frame.entries_appended.thread_id, frame.entries_appended.epoch, frame.entries_appended.entries)
        elif kind == "heartbeat_reply":
            self.resume = frame.heartbeat_reply.resume_token or self.resume
        elif kind == "reply" and frame.reply.request_id in self.waiting:
            self.settle(self.waiting.pop(frame.reply.request_id), frame.reply)
