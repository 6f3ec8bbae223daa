module parley.chat/bench

go 1.24.0

require (
	golang.org/x/net v0.48.0
	google.golang.org/genproto/googleapis/rpc v0.0.0-20251029180050-ab9386a59fda
	google.golang.org/grpc v1.78.0
	google.golang.org/protobuf v1.36.11
	parley.chat/go v0.0.0
)

require (
	golang.org/x/sys v0.39.0 // indirect
	golang.org/x/text v0.32.0 // indirect
)

// Generated from proto/ by the bench before it builds; never committed.
replace parley.chat/go => ../../../.cache/bench/gen
