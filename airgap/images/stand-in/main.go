// Command stand-in runs in the place of a server that cannot be had from package registries, so that an environment
// without it still deploys: it answers that server's health and metrics paths, and says everywhere what it is.
//
// STAND_IN_FOR names the server, STAND_IN_PORT the port. Arguments are those of the real server and are ignored.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

var started = time.Now()

// notice is the sentence that every page, header and the log carry.
func notice(name string) string {
	return fmt.Sprintf("This is a stand-in. It is not %s: it answers health checks and does nothing else.", name)
}

// metrics writes what is true of this process, and nothing that the real server would report of itself.
func metrics(w http.ResponseWriter, name string) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	fmt.Fprintf(w, "# HELP stand_in_info 1 while a stand-in runs in the place of the server that the label names.\n")
	fmt.Fprintf(w, "# TYPE stand_in_info gauge\nstand_in_info{for=%q} 1\n", strings.ToLower(name))
	fmt.Fprintf(w, "# HELP process_start_time_seconds Start time of the process since the Unix epoch in seconds.\n")
	fmt.Fprintf(w, "# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds %.3f\n",
		float64(started.UnixMilli())/1000)
}

// handler answers by the end of the path, so that a server which is asked to run under a prefix is covered too.
func handler(name string) http.Handler {
	text := notice(name)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Stand-In", text)
		path := strings.TrimSuffix(r.URL.Path, "/")
		switch {
		case strings.HasSuffix(path, "/metrics"), strings.HasSuffix(path, "/prometheus"):
			metrics(w, name)
		case strings.HasSuffix(path, "/api/health"):
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(map[string]string{"standIn": text})
		case path == "", strings.HasSuffix(path, "/login"):
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			fmt.Fprintf(w, "<!doctype html><title>Stand-in for %[1]s</title><h1>Not %[1]s</h1><p>%[2]s</p>\n",
				html.EscapeString(name), html.EscapeString(text))
		default:
			http.Error(w, text, http.StatusNotFound)
		}
	})
}

func run() error {
	name, port := os.Getenv("STAND_IN_FOR"), os.Getenv("STAND_IN_PORT")
	if name == "" || port == "" {
		return errors.New("STAND_IN_FOR and STAND_IN_PORT must name the server and its port")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	server := &http.Server{Addr: ":" + port, Handler: handler(name), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	log.Printf("%s Listening on port %s.", notice(name), port)
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func main() {
	if err := run(); err != nil {
		log.Fatalf("stand-in: %v", err)
	}
}
