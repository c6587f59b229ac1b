// kickloop TUBES BATCH PORT…: the floor for amender. Kicks everything that is buried in the tubes t/0 … of each queue server
// on 127.0.0.1, one command at a time, a process for each server. It doesn't look first, so it wakes delayed jobs too.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int ask(int fd, const char *command, char *answer, size_t size) {
  size_t length = strlen(command), have = 0;
  if (write(fd, command, length) != (ssize_t)length) exit(1);
  do {
    ssize_t count = read(fd, answer + have, size - 1 - have);
    if (count <= 0) exit(1);
    have += count;
  } while (answer[have - 1] != '\n');
  answer[have] = 0;
  return strncmp(answer, "KICKED ", 7) == 0 ? atoi(answer + 7) : 0;
}

static void run(int port, int tubes, int batch) {
  int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (connect(fd, (struct sockaddr *)&address, sizeof address)) exit(1);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  char command[256], answer[256];
  for (int tube = 0; tube < tubes; tube++) {
    snprintf(command, sizeof command, "use t/%d\r\n", tube);
    ask(fd, command, answer, sizeof answer);
    snprintf(command, sizeof command, "kick %d\r\n", batch);
    while (ask(fd, command, answer, sizeof answer) == batch) {}
  }
}

int main(int count, char **arguments) {
  for (int index = 3; index < count; index++)
    if (fork() == 0) {
      run(atoi(arguments[index]), atoi(arguments[1]), atoi(arguments[2]));
      return 0;
    }
  int status, failed = 0;
  while (wait(&status) > 0) failed |= status;
  return failed != 0;
}
