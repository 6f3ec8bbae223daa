// loadgen does the work of one bench and prints what it found as one JSON object, last on stdout. `npm run bench`
// starts servers, calls it and makes the numbers of several runs into one report.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"parley.chat/bench/load"
	"parley.chat/bench/parley"
	"parley.chat/bench/proc"
	"parley.chat/bench/socketio"
	"parley.chat/bench/token"
)

type settings struct {
	bench, carrier, target, key, processes, receipts, sources string
	channel, class, nodes                                     string

	streams, warmUpStreams, streamsPerConn, opening int
	listeners, senders, pairs, size, maxRate        int
	rate, slowReaders                               float64
	progress, quiet                                 bool
	span, warmUp, think, patience, settle, beat     time.Duration
}

func parse(args []string) (settings, error) {
	var s settings
	if len(args) == 0 {
		return s, fmt.Errorf("which bench? channel, connections, fanout or pairs")
	}
	s.bench = args[0]
	flags := flag.NewFlagSet("loadgen "+s.bench, flag.ContinueOnError)
	flags.StringVar(&s.carrier, "carrier", "parley", "parley or socketio")
	flags.StringVar(&s.target, "target", "", "host:port of the server or gateway")
	flags.StringVar(&s.key, "key", "", "the dev key, a private JWK")
	flags.StringVar(&s.processes, "processes", "", "server processes to measure, name=pid,name=pid")
	flags.StringVar(&s.nodes, "nodes", "", "where nodes tell their metrics, host:port,host:port")
	flags.StringVar(&s.receipts, "receipts", "", "sdk: reads are told with the acks; each: after every message")
	flags.StringVar(&s.sources, "sources", "127.0.0.2,127.0.0.3,127.0.0.4,127.0.0.5,127.0.0.6,127.0.0.7,127.0.0.8,127.0.0.9", "source addresses")
	flags.IntVar(&s.streams, "streams", 1000, "idle streams")
	flags.IntVar(&s.warmUpStreams, "warm-up-streams", 200, "streams opened and closed before memory is first read")
	flags.IntVar(&s.streamsPerConn, "streams-per-conn", 1, "streams that share a connection")
	flags.IntVar(&s.opening, "opening", 64, "streams that may be opening at once")
	flags.IntVar(&s.listeners, "listeners", 1000, "members who listen")
	flags.IntVar(&s.senders, "senders", 1, "members who send, in turn")
	flags.IntVar(&s.pairs, "pairs", 100, "pairs of users")
	flags.IntVar(&s.size, "size", 300, "bytes of a message")
	flags.Float64Var(&s.rate, "rate", 100, "messages a second")
	flags.StringVar(&s.channel, "channel", "bench", "the channel's id")
	flags.StringVar(&s.class, "class", "EVERYTHING", "delivery class: EVERYTHING, SAMPLED or LATEST")
	flags.IntVar(&s.maxRate, "max-rate", 0, "comments a second of a sample; 0 = the server's preset")
	flags.Float64Var(&s.slowReaders, "slow-readers", 0, "share of the listeners that read one message a second")
	flags.BoolVar(&s.progress, "progress", false, "tell each second how a channel goes, one JSON object a line")
	flags.BoolVar(&s.quiet, "no-acks", false, "listeners acknowledge nothing (socketio; on a channel nobody does)")
	flags.DurationVar(&s.span, "for", 10*time.Second, "measured time")
	flags.DurationVar(&s.warmUp, "warm-up", 3*time.Second, "time before it")
	flags.DurationVar(&s.think, "think", 0, "time between a user's messages")
	flags.DurationVar(&s.patience, "patience", 10*time.Second, "wait at the end for what is under way")
	flags.DurationVar(&s.settle, "settle", 3*time.Second, "wait before memory is first read")
	flags.DurationVar(&s.beat, "beat", 25*time.Second, "time between heartbeats")
	if err := flags.Parse(args[1:]); err != nil {
		return s, err
	}
	if s.target == "" || s.key == "" {
		return s, fmt.Errorf("--target and --key are needed")
	}
	return s, nil
}

func commaSeparated(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' })
}

func carrierOf(s settings, signer *token.Signer) (load.Carrier, error) {
	sources := commaSeparated(s.sources)
	buffer := 32 << 10
	if s.bench == "connections" && s.streamsPerConn == 1 {
		buffer = 4 << 10
	}
	if s.bench == "channel" && s.listeners > 2000 {
		// A whole frame of data, and no more: of many listeners the buffers are most of the memory.
		buffer = 17 << 10
	}
	switch s.carrier {
	case "parley":
		return parley.New(parley.Options{
			Target: s.target, Signer: signer, Sources: sources, StreamsPerConn: s.streamsPerConn,
			ReadBuffer: buffer, Receipts: parley.Receipts(s.receipts),
		}), nil
	case "socketio":
		return socketio.New(socketio.Options{
			Target: s.target, Signer: signer, Sources: sources, ReadBuffer: buffer, Receipts: s.receipts != "",
			NoAcks: s.quiet,
		}), nil
	default:
		return nil, fmt.Errorf("no carrier is called %q", s.carrier)
	}
}

func run(ctx context.Context, args []string) error {
	s, err := parse(args)
	if err != nil {
		return err
	}
	signer, err := token.Load(s.key)
	if err != nil {
		return err
	}
	carrier, err := carrierOf(s, signer)
	if err != nil {
		return err
	}
	meter := &load.Meter{Clock: load.NewClock(), Nodes: commaSeparated(s.nodes)}
	if meter.Processes, err = proc.Parse(s.processes); err != nil {
		return err
	}
	report, err := measure(ctx, s, carrier, meter)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(report)
}

func main() {
	// Collecting less often is cheaper, and this process must not take CPU from the ones it measures.
	debug.SetGCPercent(400)
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "loadgen: %v\n", err)
		os.Exit(1)
	}
}
