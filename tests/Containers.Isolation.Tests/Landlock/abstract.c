/* Connects to the abstract UNIX socket of the name given, and says how it went. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

int main(int argc, char **argv)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    if (argc < 2)
        return 2;
    strncpy(address.sun_path + 1, argv[1], sizeof address.sun_path - 2);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    int result = connect(fd, (struct sockaddr *)&address, offsetof(struct sockaddr_un, sun_path) + 1 + strlen(argv[1]));
    printf("%s\n", result < 0 ? strerrorname_np(errno) : "connected");
    return 0;
}
