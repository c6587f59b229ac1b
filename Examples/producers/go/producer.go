// Puts messages into the main queue of one of several beanstalkds, or else on a recover list in Redis.
//
//	go get github.com/gomodule/redigo github.com/vmihailenco/msgpack/v5
//	go run producer.go 127.0.0.1:11300,127.0.0.1:11301 127.0.0.1:6379 order_paid '{"order": 4711}'
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"math/rand"
	"net"
	"net/textproto"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/gomodule/redigo/redis"
	"github.com/vmihailenco/msgpack/v5"
)

const (
	mainQueue      = "main-incoming-queue"                          // the dispatchers' NameOfMainQueue
	listPrefix     = "mec_list_of_msg_for_restore_to_queue_server:" // their MsgQueueFaultToleranceListNamePrefix
	timeToRun      = 60                                             // seconds
	connectTimeout = time.Second
	answerTimeout  = 3 * time.Second
	downTime       = 5 * time.Second // a server that failed is left alone for so long
)

// ErrTooBig says that no server will ever take the message.
var ErrTooBig = errors.New("the message is more than a queue server takes")

// Message is what dispatchers read; more fields are in Docs/producers.md.
type Message struct {
	MsgKey   string
	Sender   string
	Time     float64
	Priority uint32
	Delay    uint32
	Body     interface{}
}

// Producer may be used from anywhere; each server is asked for one message at a time.
type Producer struct {
	servers []*queueServer
	redis   *redis.Pool
	list    string
}

// NewProducer connects when there is something to send.
func NewProducer(queueServers, redisServer string) *Producer {
	host, _ := os.Hostname()
	producer := &Producer{list: listPrefix + host, redis: &redis.Pool{MaxIdle: 2, Dial: func() (redis.Conn, error) {
		return redis.Dial("tcp", redisServer, redis.DialConnectTimeout(connectTimeout),
			redis.DialReadTimeout(answerTimeout), redis.DialWriteTimeout(answerTimeout))
	}}}
	for _, address := range strings.Split(queueServers, ",") {
		producer.servers = append(producer.servers, &queueServer{address: address})
	}
	return producer
}

// Publish tells where the message is. After an error the message is yours to keep and to publish again, unless it is
// ErrTooBig. A server that was sent the message and didn't answer may have it: then it comes twice.
func (p *Producer) Publish(message Message) (string, error) {
	if message.Time == 0 {
		message.Time = float64(time.Now().UnixNano()) / 1e9
	}
	var encoded bytes.Buffer
	encoder := msgpack.NewEncoder(&encoded)
	encoder.UseCompactInts(true)
	encoder.UseCompactFloats(true) // JSON's whole numbers are whole again
	if err := encoder.Encode(&message); err != nil {
		return "", err
	}
	for _, index := range rand.Perm(len(p.servers)) { // any order: so the load is spread
		server := p.servers[index]
		switch err := server.put(encoded.Bytes(), message.Priority, message.Delay); {
		case err == nil:
			return "queued on " + server.address, nil
		case errors.Is(err, ErrTooBig):
			return "", err
		} // away, silent, DRAINING, OUT_OF_MEMORY: the next one
	}
	// Dispatchers take from the right. An entry is the message as a msgpack string: it is encoded twice.
	entry, err := msgpack.Marshal(encoded.String())
	if err != nil {
		return "", err
	}
	connection := p.redis.Get()
	defer connection.Close()
	if _, err := connection.Do("LPUSH", p.list, entry); err != nil {
		return "", err
	}
	return "listed on " + p.list, nil
}

type queueServer struct {
	address    string
	mutex      sync.Mutex
	connection net.Conn
	text       *textproto.Conn
	downUntil  time.Time
}

func (s *queueServer) put(message []byte, priority, delay uint32) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if time.Now().Before(s.downUntil) {
		return errors.New("left alone")
	}
	err := s.tryToPut(message, priority, delay)
	if err != nil && !errors.Is(err, ErrTooBig) {
		s.downUntil = time.Now().Add(downTime)
		if s.connection != nil {
			s.connection.Close()
			s.connection = nil
		}
	}
	return err
}

func (s *queueServer) tryToPut(message []byte, priority, delay uint32) error {
	if err := s.connect(); err != nil {
		return err
	}
	answer, err := s.ask(fmt.Sprintf("put %d %d %d %d\r\n%s", priority, delay, timeToRun, len(message), message))
	if err != nil {
		return err
	}
	var job uint64
	if n, _ := fmt.Sscanf(answer, "INSERTED %d", &job); n == 1 {
		return nil
	}
	if n, _ := fmt.Sscanf(answer, "BURIED %d", &job); n == 1 { // stored, but there is no memory to make it ready
		_, err = s.ask(fmt.Sprintf("kick-job %d", job))
		return err
	}
	if answer == "JOB_TOO_BIG" {
		return fmt.Errorf("%s: %w", s.address, ErrTooBig)
	}
	return fmt.Errorf("%s answered %q", s.address, answer)
}

func (s *queueServer) connect() error {
	if s.connection != nil {
		return nil
	}
	connection, err := net.DialTimeout("tcp", s.address, connectTimeout)
	if err != nil {
		return err
	}
	s.connection, s.text = connection, textproto.NewConn(connection)
	// Only `use`, never `watch`: who watches the main queue counts as one who works on it.
	answer, err := s.ask("use " + mainQueue)
	if err == nil && answer != "USING "+mainQueue {
		err = fmt.Errorf("%s answered %q", s.address, answer)
	}
	return err
}

func (s *queueServer) ask(command string) (string, error) {
	s.connection.SetDeadline(time.Now().Add(answerTimeout))
	if _, err := s.connection.Write([]byte(command + "\r\n")); err != nil {
		return "", err
	}
	return s.text.ReadLine()
}

func main() {
	var body interface{}
	if err := json.Unmarshal([]byte(os.Args[4]), &body); err != nil {
		log.Fatal(err)
	}
	rand.Seed(time.Now().UnixNano())
	place, err := NewProducer(os.Args[1], os.Args[2]).Publish(
		Message{MsgKey: os.Args[3], Sender: "go", Priority: 1024, Body: body})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(place)
}
