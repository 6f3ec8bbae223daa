package load

import (
	"context"
	"fmt"
	"sync"
	"time"
)

func userName(index int) string { return fmt.Sprintf("bench-%d", index) }

// failure is the first error of a run: a bench whose work went wrong has no result.
type failure struct {
	once     sync.Once
	happened chan struct{}
	err      error
}

func newFailure() *failure { return &failure{happened: make(chan struct{})} }

func (f *failure) set(err error) {
	f.once.Do(func() {
		f.err = err
		close(f.happened)
	})
}

func (f *failure) error() error {
	select {
	case <-f.happened:
		return f.err
	default:
		return nil
	}
}

// wait lets a time pass in which nothing may go wrong.
func (f *failure) wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-f.happened:
		return f.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Clients beat this often: a server ends a stream that is silent for a minute.
const beatEvery = 25 * time.Second

type beater interface{ Beat() error }

// beatAll has every endpoint beat, spread over the interval, until stop is called.
func beatAll[B beater](endpoints []B) (stop func()) {
	stopped := make(chan struct{})
	go func() {
		ticker := time.NewTicker(beatEvery / time.Duration(len(endpoints)))
		defer ticker.Stop()
		for i := 0; ; i = (i + 1) % len(endpoints) {
			select {
			case <-ticker.C:
				// One that fails shows as what it loses.
				_ = endpoints[i].Beat()
			case <-stopped:
				return
			}
		}
	}()
	return sync.OnceFunc(func() { close(stopped) })
}

// inParallel calls work for 0…n-1, `width` at once, and gives the first error after all have returned.
func inParallel(ctx context.Context, width, n int, work func(ctx context.Context, i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(width, n) {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for i := range next {
				if err := work(ctx, i); err != nil {
					cancel(err)
				}
			}
		}()
	}
	for i := range n {
		select {
		case next <- i:
			continue
		case <-ctx.Done():
		}
		break
	}
	close(next)
	workers.Wait()
	return context.Cause(ctx)
}
