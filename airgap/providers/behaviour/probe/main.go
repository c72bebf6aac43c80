// Command probe is all that is in the image of the behaviour tests: a process that stays, ends, refuses to end, or
// looks at a file, as its arguments say.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	signals := make(chan os.Signal, 1)
	verb, argument := os.Args[1], strings.Join(os.Args[2:], " ")
	switch verb {
	case "stay":
		signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGUSR1)
		fmt.Println("got", <-signals)
	case "linger": // a while after the signal, as a database does
		signal.Notify(signals, syscall.SIGTERM)
		<-signals
		time.Sleep(seconds(argument))
	case "exit":
		code, _ := strconv.Atoi(argument)
		os.Exit(code)
	case "later": // long enough to be seen running
		time.Sleep(2 * time.Second)
		os.Exit(3)
	case "ready": // a health check: the file is there
		if _, err := os.Stat(argument); err != nil {
			os.Exit(1)
		}
	case "become": // healthy after so many seconds
		time.Sleep(seconds(argument))
		_ = os.WriteFile("/healthy", nil, 0o644)
		time.Sleep(time.Hour)
	case "true":
	default:
		os.Exit(64)
	}
}

func seconds(s string) time.Duration {
	n, _ := strconv.Atoi(s)
	return time.Duration(n) * time.Second
}
