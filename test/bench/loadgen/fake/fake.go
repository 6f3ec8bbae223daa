// Package fake is a Parley server for the load generator's own tests, on grpc-go and the generated stubs: it keeps
// threads in memory and misbehaves as it is told, which a real node does not.
package fake

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	grpcstatus "google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/anypb"
	pb "parley.chat/go/parley/v1"
)

// Script says how the server misbehaves. Nil functions: not at all.
type Script struct {
	// How often an entry is told to a user; 1 is right.
	Tell func(user string, sequence uint64) int
	// Whether a user is told that an entry was left out instead.
	Skip func(user string, sequence uint64) bool
	// A reason to refuse a send.
	Refuse func(user string, message int) string
	// Whether a heartbeat ends the stream.
	EndOnBeat bool
	// Whether a read position is kept from the other user.
	HideReads bool
	// How many openings of threads are told to come again.
	SlowToStart int
	// What a listener of a channel is told instead of a frame.
	Channel func(user string, frame *pb.ServerFrame) []*pb.ServerFrame
}

// Server is a running fake.
type Server struct {
	pb.UnimplementedStreamServiceServer
	pb.UnimplementedThreadServiceServer
	pb.UnimplementedGroupServiceServer

	Address string

	script  Script
	grpc    *grpc.Server
	mu      sync.Mutex
	threads map[string]*thread
	channel channel
	acks    map[string]uint64 // user → highest acknowledged sequence
	opened  int
	opens   atomic.Int64
}

type thread struct {
	id       string
	members  map[string]bool
	head     uint64
	messages int
	sessions []*session
}

type session struct {
	user   string
	frames chan *pb.ServerFrame
}

// Start serves on a free port of 127.0.0.1.
func Start(script Script) (*Server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Server{Address: listener.Addr().String(), script: script, grpc: grpc.NewServer(), threads: map[string]*thread{}, acks: map[string]uint64{}}
	pb.RegisterStreamServiceServer(s.grpc, s)
	pb.RegisterThreadServiceServer(s.grpc, s)
	pb.RegisterGroupServiceServer(s.grpc, s)
	go func() { _ = s.grpc.Serve(listener) }()
	return s, nil
}

// Stop ends every stream.
func (s *Server) Stop() { s.grpc.Stop() }

// Acknowledged gives the highest sequence that a user acknowledged.
func (s *Server) Acknowledged(user string) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.acks[user]
}

// Head gives the last sequence of the only thread.
func (s *Server) Head() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.threads {
		return t.head
	}
	return 0
}

// Opened counts the streams that there have been.
func (s *Server) Opened() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opened
}

func userOf(ctx context.Context) (string, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	for _, value := range md.Get("authorization") {
		parts := strings.Split(value, ".")
		if len(parts) != 3 {
			break
		}
		claims, err := base64.RawURLEncoding.DecodeString(parts[1])
		var token struct{ Sub string }
		if err == nil && json.Unmarshal(claims, &token) == nil {
			return token.Sub, nil
		}
	}
	return "", grpcstatus.Error(codes.Unauthenticated, "no token")
}

func (s *Server) thread(id string, members ...string) *pb.Thread {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.threads[id]
	if t == nil {
		t = &thread{id: id, members: map[string]bool{}, head: 1}
		s.threads[id] = t
	}
	for _, member := range members {
		t.members[member] = true
	}
	return &pb.Thread{ThreadId: id}
}

// OpenDirectThread implements the service.
func (s *Server) OpenDirectThread(ctx context.Context, r *pb.OpenDirectThreadRequest) (*pb.OpenDirectThreadResponse, error) {
	if s.opens.Add(1) <= int64(s.script.SlowToStart) {
		return nil, grpcstatus.Error(codes.Unavailable, "the store does not answer just now")
	}
	user, err := userOf(ctx)
	return &pb.OpenDirectThreadResponse{Thread: s.thread("d_"+user+r.GetUserId(), user, r.GetUserId())}, err
}

// CreateGroup implements the service.
func (s *Server) CreateGroup(ctx context.Context, r *pb.CreateGroupRequest) (*pb.CreateGroupResponse, error) {
	user, err := userOf(ctx)
	return &pb.CreateGroupResponse{Thread: s.thread("g_1", append(r.GetMemberIds(), user)...)}, err
}

// AddMembers implements the service.
func (s *Server) AddMembers(_ context.Context, r *pb.AddMembersRequest) (*pb.AddMembersResponse, error) {
	if n := len(r.GetUserIds()); n < 1 || n > 100 {
		return nil, grpcstatus.Errorf(codes.InvalidArgument, "%d users", n)
	}
	s.thread(r.GetThreadId(), r.GetUserIds()...)
	return &pb.AddMembersResponse{}, nil
}

func refusal(reason string) *pb.Reply_Error {
	detail, err := anypb.New(&errdetails.ErrorInfo{Reason: reason, Domain: "parley.chat"})
	if err != nil {
		panic(fmt.Sprintf("an ErrorInfo that does not encode: %v", err))
	}
	return &pb.Reply_Error{Error: &status.Status{Code: int32(codes.ResourceExhausted), Message: "scripted", Details: []*anypb.Any{detail}}}
}
