package proc

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestTheSlowestLoopIsTold(t *testing.T) {
	var nodes []string
	for _, seconds := range []string{"0.004", "0.0215", ""} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, "# TYPE x gauge\nother 3\n")
			if seconds != "" {
				fmt.Fprintf(w, "parley_event_loop_delay_p99_seconds %s\n", seconds)
			}
		}))
		defer server.Close()
		nodes = append(nodes, strings.TrimPrefix(server.URL, "http://"))
	}
	if ms, err := LoopDelayMs(nodes); err != nil || ms != 21.5 {
		t.Errorf("got %v, %v", ms, err)
	}
	if ms, err := LoopDelayMs(nil); err != nil || ms != 0 {
		t.Errorf("of no node: %v, %v", ms, err)
	}
}
