using Containers.Images.Users;
using Xunit;

namespace Containers.Tests.Images.Users;

/// <summary>The rules of `docker run --user`.</summary>
public sealed class UserDatabaseTests : IDisposable
{
    private readonly TestDirectory _directory = new();

    public UserDatabaseTests()
    {
        Directory.CreateDirectory(_directory["etc"]);
        File.WriteAllText(_directory["etc/passwd"], """
            root:x:0:0:root:/root:/bin/bash
            # a comment
            web:x:33:33:www:/var/www:/usr/sbin/nologin
            bare:x:1000:1000
            77:x:1077:1077::/home/77:/bin/sh
            broken:x:abc:1:::
            nohome:x:1001:50:::
            evil:x:4294967295:0:::

            """);
        File.WriteAllText(_directory["etc/group"], "root:x:0:\nadm:x:4:web,other\naudio:x:29: web ,nohome\nwww:x:33:\nbroken:x:\n");
    }

    public void Dispose() => _directory.Dispose();

    private ImageUser Resolve(string user) => UserDatabase.Read([_directory.Path], _directory.Path).Resolve(user);

    [Theory]
    [InlineData("", 0, 0, "", "/root", "root")]
    [InlineData("root", 0, 0, "", "/root", "root")]
    [InlineData("0", 0, 0, "", "/root", "root")]
    [InlineData("web", 33, 33, "4 29", "/var/www", "web")]
    [InlineData("33", 33, 33, "4 29", "/var/www", "web")]
    [InlineData("web:adm", 33, 4, "", "/var/www", "web")]
    [InlineData("web:99", 33, 99, "", "/var/www", "web")]
    [InlineData("33:www", 33, 33, "", "/var/www", "web")]
    [InlineData(":adm", 0, 4, "", "/root", "root")]
    [InlineData("web:", 33, 33, "4 29", "/var/www", "web")]
    [InlineData("555", 555, 0, "", "/", null)]
    [InlineData("555:adm", 555, 4, "", "/", null)]
    [InlineData("77", 77, 0, "", "/", null)] // a number is a uid, though an account is named so
    [InlineData("bare", 1000, 1000, "", "/", "bare")]
    [InlineData("nohome", 1001, 50, "29", "/", "nohome")]
    [InlineData("2147483647", 2147483647, 0, "", "/", null)]
    public void User_is_found(string user, uint uid, uint gid, string groups, string home, string? name)
    {
        ImageUser found = Resolve(user);
        Assert.Equal((uid, gid, groups, home, name), (found.Uid, found.Gid, string.Join(' ', found.SupplementaryGroups), found.Home, found.Name));
    }

    [Theory]
    [InlineData("nobody", "no user \"nobody\"")]
    [InlineData("web:nobody", "no group \"nobody\"")]
    [InlineData("broken", "no user \"broken\"")] // its uid is no number, and must not be root
    [InlineData("evil", "no user \"evil\"")]
    [InlineData("-1", "no user \"-1\"")]
    [InlineData("2147483648", "larger than")]
    [InlineData("99999999999999999999", "larger than")]
    [InlineData("web:4294967295", "larger than")]
    [InlineData("a:b:c", "no user \"a\"")]
    public void Unknown_user_is_told_with_the_image(string user, string message)
    {
        UserNotFoundException exception = Assert.Throws<UserNotFoundException>(() => Resolve(user));
        Assert.Contains(message, exception.Message, StringComparison.Ordinal);
        Assert.Equal((user, _directory.Path), (exception.User, exception.Image));
    }

    [Fact]
    public void Image_without_the_files_has_numbers_only()
    {
        Directory.Delete(_directory["etc"], recursive: true);
        Assert.Equal((0u, 0u, "/"), (Resolve("").Uid, Resolve("").Gid, Resolve("").Home));
        Assert.Equal(12u, Resolve("12:13").Uid);
        Assert.Throws<UserNotFoundException>(() => Resolve("root"));
    }
}
