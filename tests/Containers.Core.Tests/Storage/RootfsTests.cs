using Containers.Tests.Images;
using Xunit;

namespace Containers.Tests.Storage;

/// <summary>Root file systems without a config.</summary>
public sealed class RootfsTests : IClassFixture<HostState>, IDisposable
{
    private readonly TestDirectory _directory = new();
    private readonly ImageStore _store;

    public RootfsTests()
    {
        Requires.Root();
        _store = new ImageStore(_directory["store"]);
        Tool.Bash($"mkdir -p {_directory["root"]}/etc; cd {_directory["root"]}; echo web:x:33:33::/srv:/bin/sh > etc/passwd; touch etc/.wh.file; mkfifo pipe; touch -d @0 etc .");
    }

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("rootfs:")]
    [InlineData("")]
    public void Directory_is_used_where_it_is(string transport)
    {
        Image image = _store.Load(transport + _directory["root"]);
        Assert.Equal([_directory["root"]], image.LowerDirectories);
        Assert.Equal(ImageConfig.Empty, image.Config);
        Assert.Equal(33u, image.ResolveUser("web").Uid);
        Assert.False(Directory.Exists(_store.Path));
    }

    [Theory]
    [InlineData("cat", "rootfs:")]
    [InlineData("gzip -c", "rootfs:")]
    [InlineData("zstd -qc", "rootfs:")]
    [InlineData("xz -c", "rootfs:")]
    [InlineData("cat", "")]
    [InlineData("gzip -c", "")]
    public void Tar_is_unpacked_as_it_is(string compressor, string transport)
    {
        Requires.Tools(compressor.Split(' ')[0]);
        string path = _directory["root.tar"];
        Tool.Bash($"tar -C {_directory["root"]} -c . | {compressor} > {path}; touch -d '1 hour ago' {path}");
        Image image = _store.Load(transport + path);
        string lower = Assert.Single(image.LowerDirectories);
        Assert.Equal(Listing.Names(_directory["root"]), Listing.Names(lower)); // .wh. is a name like others here
        Assert.Equal(33u, image.ResolveUser("web").Uid);
        Assert.Equal(lower, Assert.Single(_store.Load("rootfs:" + path).LowerDirectories));
        Assert.Single(Directory.GetDirectories(_directory["store/layers/sha256"]));
        Assert.Empty(Directory.EnumerateFileSystemEntries(_directory["store/work"]));
    }

    [Fact]
    public void Bare_path_of_a_tar_with_uncommon_entries_is_a_root_file_system()
    {
        string path = _directory["root.tar"];
        Tool.Bash($"cd {_directory["root"]}; truncate -s 10M sparse; setfattr -n user.lines -v $'a\nb' etc; tar --sparse --format=gnu -cf {path}.gnu .; tar --xattrs --format=posix -cf {path} .");
        Assert.Equal(10 << 20, new FileInfo(_store.Load(path + ".gnu").LowerDirectories[0] + "/sparse").Length);
        Assert.Equal(Listing.Names(_directory["root"]), Listing.Names(_store.Load(path).LowerDirectories[0]));
    }

    [Fact]
    public void Same_content_is_kept_once()
    {
        Tool.Bash($"cd {_directory.Path}; tar -C root -cf 1.tar .; cp 1.tar 2.tar; gzip -k 1.tar");
        Image[] images = [_store.Load("rootfs:" + _directory["1.tar"]), _store.Load("rootfs:" + _directory["2.tar"]), _store.Load("rootfs:" + _directory["1.tar.gz"])];
        Assert.Single(images.Select(image => image.LowerDirectories[0]).Distinct());
        Assert.Single(images.Select(image => image.Id).Distinct());
    }

    [Fact]
    public void Changed_tar_is_read_again()
    {
        string path = _directory["root.tar"];
        Tool.Bash($"tar -C {_directory["root"]} -cf {path} .");
        Image first = _store.Load("rootfs:" + path);
        Tool.Bash($"echo x > {_directory["root"]}/new; tar -C {_directory["root"]} -cf {path} .");
        Image second = _store.Load("rootfs:" + path);
        Assert.NotEqual(first.Id, second.Id);
        Assert.True(File.Exists(second.LowerDirectories[0] + "/new"));
    }

    [Fact]
    public void Unknown_user_is_told_with_the_image()
    {
        Image image = _store.Load(_directory["root"]);
        UserNotFoundException exception = Assert.Throws<UserNotFoundException>(() => image.ResolveUser("nobody"));
        Assert.Equal(image.Name, exception.Image);
        Assert.Contains("/etc/passwd", exception.Message, StringComparison.Ordinal);
    }
}
