package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"parley.chat/bench/histogram"
	"parley.chat/bench/load"
)

// report is the JSON that the bench reads. Counts of what went wrong are always there, also when they are 0.
type report map[string]any

func measure(ctx context.Context, s settings, carrier load.Carrier, meter *load.Meter) (report, error) {
	switch s.bench {
	case "pairs":
		return pairs(ctx, s, carrier, meter)
	case "fanout":
		return fanout(ctx, s, carrier, meter)
	case "channel":
		channels, ok := carrier.(load.Channels)
		if !ok {
			return nil, fmt.Errorf("%s has no channels", s.carrier)
		}
		return channel(ctx, s, channels, carrier, meter)
	case "connections":
		return connections(ctx, s, carrier, meter)
	default:
		return nil, fmt.Errorf("no bench is called %q", s.bench)
	}
}

func pairs(ctx context.Context, s settings, carrier load.Carrier, meter *load.Meter) (report, error) {
	result, err := load.Pairs{
		Pairs: s.pairs, Think: s.think, Size: s.size, For: s.span, WarmUp: s.warmUp, Patience: s.patience, Opening: s.opening,
	}.Run(ctx, carrier, meter)
	if err != nil {
		return nil, err
	}
	r := traffic(carrier, meter, result.Span)
	r["lost"], r["unacked"], r["unsettled"] = result.Lost, result.Unacked, result.Unsettled
	return r, nil
}

func fanout(ctx context.Context, s settings, carrier load.Carrier, meter *load.Meter) (report, error) {
	result, err := load.Fanout{
		Listeners: s.listeners, Senders: s.senders, Rate: s.rate, Size: s.size,
		For: s.span, WarmUp: s.warmUp, Patience: s.patience, Opening: s.opening,
	}.Run(ctx, carrier, meter)
	if err != nil {
		return nil, err
	}
	r := traffic(carrier, meter, result.Span)
	r["lost"], r["unacked"], r["unsettled"] = result.Lost, result.Unacked, result.Unsettled
	return r, nil
}

func channel(ctx context.Context, s settings, channels load.Channels, carrier load.Carrier, meter *load.Meter) (report, error) {
	work := load.Channel{
		Fanout: load.Fanout{
			Listeners: s.listeners, Senders: s.senders, Rate: s.rate, Size: s.size,
			For: s.span, WarmUp: s.warmUp, Patience: s.patience, Opening: s.opening,
		},
		Channel: s.channel, How: load.Subscription{Class: s.class, MaxRate: s.maxRate},
		SlowReaders: s.slowReaders, SlowEvery: time.Second,
	}
	if s.progress {
		lines := json.NewEncoder(os.Stdout)
		work.Progress = func(p load.Progress) {
			// Who does not read it any more gets no more of it.
			_ = lines.Encode(report{"progress": map[string]any{
				"published": p.Published, "delivered": p.Delivered, "skipped": p.Skipped, "left_out": p.LeftOut,
				"p50_ms": p.P50Ms, "p99_ms": p.P99Ms, "disconnects": p.Disconnects,
			}})
		}
	}
	result, err := work.Run(ctx, channels, meter)
	if err != nil {
		return nil, err
	}
	r := traffic(carrier, meter, result.Span)
	delete(r, "duplicated") // one ends the run
	delete(r, "receipts_heard")
	r["published_per_s"] = float64(result.Sent) / result.Seconds
	r["unacked"], r["lost"] = result.Unacked, result.Listeners.Lost+result.Slow.Lost
	r["skipped"], r["left_out"] = result.Listeners.Skipped, result.Listeners.LeftOut
	growth := map[string]float64{}
	for name, after := range result.Memory {
		growth[name] = after.RssKiB - result.MemoryBefore[name].RssKiB
	}
	r["memory_growth_kib"] = growth
	if slow := result.Slow; slow.Count > 0 {
		r["slow_readers_count"], r["slow_received"], r["slow_skipped"] = slow.Count, slow.Received, slow.Skipped
		r["slow_left_out"], r["slow_lost"], r["slow_disconnects"] = slow.LeftOut, slow.Lost, slow.Disconnects
		if slow.Reason != nil {
			r["slow_ended_because"] = slow.Reason.Error()
		}
	}
	return r, nil
}

// traffic tells what messages did; a delivery is one arrival at one user.
func traffic(carrier load.Carrier, meter *load.Meter, span load.Span) report {
	tally := carrier.Tally()
	r := report{
		"seconds": span.Seconds, "delivered": span.Arrived, "sent": span.Sent,
		"rate_per_s": float64(span.Arrived) / span.Seconds,
		"skipped":    tally.Skipped, "duplicated": tally.Duplicated, "receipts_heard": tally.Receipts,
		"memory_kib": memory(span),
	}
	quantiles(r, "", &meter.Received)
	quantiles(r, "ack_", &meter.Acked)
	r["generator_lag_p99_ms"] = meter.Lag.QuantileMs(0.99)
	if len(meter.Nodes) > 0 {
		r["loop_delay_p99_ms"] = span.LoopDelayMs
	}
	cpu(r, span, float64(span.Arrived))
	return r
}

func quantiles(r report, prefix string, h *histogram.Histogram) {
	r[prefix+"p50_ms"], r[prefix+"p99_ms"], r[prefix+"max_ms"] = h.QuantileMs(0.5), h.QuantileMs(0.99), h.QuantileMs(1)
}

// cpu tells CPU seconds, and per million of what was done: of all, and of what the kernel used on each one's behalf.
func cpu(r report, span load.Span, done float64) {
	millions := max(done, 1) / 1e6
	seconds, perMillion, kernel := map[string]float64{}, map[string]float64{}, map[string]float64{}
	total := 0.0
	for name, used := range span.CPU {
		total += used.Seconds()
		seconds[name], perMillion[name], kernel[name] = used.Seconds(), used.Seconds()/millions, used.System/millions
	}
	perMillion["total"] = total / millions
	kernel["generator"] = span.OwnCPU.System / millions
	r["cpu_s"], r["cpu_s_per_million"], r["kernel_s_per_million"] = seconds, perMillion, kernel
	r["generator_cpu_s"], r["generator_s_per_million"] = span.OwnCPU.Seconds(), span.OwnCPU.Seconds()/millions
}

func memory(span load.Span) map[string]float64 {
	kib := map[string]float64{}
	for name, m := range span.Memory {
		kib[name] = m.RssKiB
	}
	return kib
}

func connections(ctx context.Context, s settings, carrier load.Carrier, meter *load.Meter) (report, error) {
	result, err := load.Connections{
		Streams: s.streams, WarmUpStreams: s.warmUpStreams, For: s.span, Beat: s.beat, Opening: s.opening, Settle: s.settle,
		Progress: func(opened int) {
			if opened%1000 == 0 {
				fmt.Fprintf(os.Stderr, "  %d streams are open\n", opened)
			}
		},
	}.Run(ctx, carrier, meter)
	if err != nil {
		return nil, err
	}
	rss, pss := map[string]float64{}, map[string]float64{}
	for name, after := range result.Span.Memory {
		rss[name] = (after.RssKiB - result.Before[name].RssKiB) / float64(s.streams)
		pss[name] = (after.PssKiB - result.Before[name].PssKiB) / float64(s.streams)
	}
	r := report{
		"streams": s.streams, "seconds": result.Span.Seconds, "kib_per_stream": rss, "pss_kib_per_stream": pss,
		"connects_per_s": float64(s.streams) / result.OpenSeconds, "expired": result.Expired, "unanswered": result.Unanswered,
		"heartbeats": result.Beats.Count(), "rate_per_s": float64(result.Beats.Count()) / result.Span.Seconds,
		"memory_kib": memory(result.Span), "lost": result.Expired + result.Unanswered,
	}
	quantiles(r, "", &result.Beats)
	quantiles(r, "open_", &result.Opened)
	if result.FirstReason != nil {
		r["expired_because"] = result.FirstReason.Error()
	}
	cpu(r, result.Span, float64(result.Beats.Count()))
	return r, nil
}
