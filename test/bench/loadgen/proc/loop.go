package proc

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"time"
)

var loopDelay = regexp.MustCompile(`(?m)^parley_event_loop_delay_p99_seconds (\S+)$`)

// LoopDelayMs gives how late the event loop of the slowest node was since it was asked last, p99. A node that does not tell counts as 0.
func LoopDelayMs(nodes []string) (slowest float64, err error) {
	client := http.Client{Timeout: 5 * time.Second}
	for _, node := range nodes {
		answer, err := client.Get("http://" + node + "/metrics")
		if err != nil {
			return 0, fmt.Errorf("metrics of %s: %w", node, err)
		}
		text, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil {
			return 0, fmt.Errorf("metrics of %s: %w", node, err)
		}
		found := loopDelay.FindSubmatch(text)
		if found == nil {
			continue
		}
		seconds, err := strconv.ParseFloat(string(found[1]), 64)
		if err != nil {
			return 0, fmt.Errorf("metrics of %s: %w", node, err)
		}
		slowest = max(slowest, 1000*seconds)
	}
	return slowest, nil
}
