<?php
// Puts messages into the main queue of one of several beanstalkds, or else on a recover list in Redis.
//
//   apt-get install php-cli php-msgpack php-redis
//   php producer.php 127.0.0.1:11300,127.0.0.1:11301 127.0.0.1:6379 order_paid '{"order": 4711}'
declare(strict_types=1);

/** No server will ever take the message. */
final class MessageTooBig extends RuntimeException {}

final class Producer
{
    private const MAIN_QUEUE = 'main-incoming-queue';  // the dispatchers' NameOfMainQueue
    private const LIST_PREFIX = 'mec_list_of_msg_for_restore_to_queue_server:';  // MsgQueueFaultToleranceListNamePrefix
    private const TIME_TO_RUN = 60;  // seconds
    private const CONNECT_TIMEOUT = 1;
    private const ANSWER_TIMEOUT = 3;
    private const DOWN_TIME = 5;  // a server that failed is left alone for so long, within this process

    /** @var string[] */
    private array $servers;
    /** @var array<string, resource> */
    private array $connections = [];
    /** @var array<string, float> */
    private array $downUntil = [];
    private string $list;

    public function __construct(string $queueServers, private string $redisServer)
    {
        $this->servers = explode(',', $queueServers);
        $this->list = self::LIST_PREFIX . gethostname();
    }

    /**
     * Tells where the message is. If it throws, the message is yours to keep and to publish again, unless it is
     * MessageTooBig. A server that was sent the message and didn't answer may have it: then it comes twice.
     */
    public function publish(string $topic, mixed $body, string $sender = '', int $priority = 1024, int $delay = 0): string
    {
        $message = msgpack_pack([
            'MsgKey' => $topic, 'Sender' => $sender, 'Time' => microtime(true), 'Priority' => $priority,
            'Delay' => $delay, 'Body' => $body,
        ]);
        $servers = $this->servers;
        shuffle($servers);  // so the load is spread
        foreach ($servers as $server) {
            if (($this->downUntil[$server] ?? 0) > microtime(true)) {
                continue;
            }
            try {
                $this->put($server, $message, $priority, $delay);
                return "queued on $server";
            } catch (MessageTooBig $error) {
                throw $error;
            } catch (RuntimeException) {  // away, silent, DRAINING, OUT_OF_MEMORY: the next one
                unset($this->connections[$server]);
                $this->downUntil[$server] = microtime(true) + self::DOWN_TIME;
            }
        }
        [$host, $port] = self::address($this->redisServer);
        $redis = new Redis();
        $redis->connect($host, $port, self::CONNECT_TIMEOUT, null, 0, self::ANSWER_TIMEOUT);
        // Dispatchers take from the right. An entry is the message as a msgpack string: it is encoded twice.
        if ($redis->lPush($this->list, msgpack_pack($message)) === false) {
            throw new RuntimeException("{$this->redisServer} answered " . $redis->getLastError());
        }
        return "listed on {$this->list}";
    }

    private function put(string $server, string $message, int $priority, int $delay): void
    {
        $connection = $this->connections[$server] ??= self::connect($server);
        $length = strlen($message);
        $head = "put $priority $delay " . self::TIME_TO_RUN . " $length";
        $answer = explode(' ', self::ask($connection, "$head\r\n$message"));
        match ($answer[0]) {
            'INSERTED' => null,
            // Stored, but the server has no memory to make it ready.
            'BURIED' => self::ask($connection, "kick-job $answer[1]"),
            'JOB_TOO_BIG' => throw new MessageTooBig("$length bytes are more than $server takes"),
            default => throw new RuntimeException("$server answered $answer[0]"),
        };
    }

    /** @return resource */
    private static function connect(string $server)
    {
        [$host, $port] = self::address($server);
        $connection = @fsockopen($host, $port, $code, $text, self::CONNECT_TIMEOUT);
        if ($connection === false) {
            throw new RuntimeException("$server: $text");
        }
        stream_set_timeout($connection, self::ANSWER_TIMEOUT);
        // Only `use`, never `watch`: who watches the main queue counts as one who works on it.
        if (self::ask($connection, 'use ' . self::MAIN_QUEUE) !== 'USING ' . self::MAIN_QUEUE) {
            throw new RuntimeException("$server has no such tube");
        }
        return $connection;
    }

    /** @param resource $connection */
    private static function ask($connection, string $command): string
    {
        for ($rest = "$command\r\n"; $rest !== ''; $rest = substr($rest, $written)) {
            $written = @fwrite($connection, $rest);
            if (!$written) {
                throw new RuntimeException('the connection broke');
            }
        }
        $answer = fgets($connection);
        if ($answer === false || !str_ends_with($answer, "\r\n")) {
            throw new RuntimeException('no answer');
        }
        return rtrim($answer);
    }

    /** @return array{string, int} */
    private static function address(string $server): array
    {
        $colon = strrpos($server, ':');
        return [substr($server, 0, $colon), (int) substr($server, $colon + 1)];
    }
}

if (realpath($argv[0]) === __FILE__) {
    $producer = new Producer($argv[1], $argv[2]);
    $body = json_decode($argv[4], associative: true, flags: JSON_THROW_ON_ERROR);
    echo $producer->publish($argv[3], $body, 'php'), "\n";
}
