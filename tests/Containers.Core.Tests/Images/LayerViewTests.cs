using System.Text;
using Containers.Images;
using Xunit;

namespace Containers.Tests.Images;

/// <summary>Files seen through layers, compared with what an overlay mount of them shows.</summary>
public sealed class LayerViewTests : IClassFixture<HostState>, IDisposable
{
    private readonly TestDirectory _directory = new();

    public LayerViewTests() => Requires.Root();

    public void Dispose() => _directory.Dispose();

    private static string? Read(LayerView view, string path) => view.TryReadFile(path, 1 << 20) is { } bytes ? Encoding.UTF8.GetString(bytes).Trim() : null;

    [Fact]
    public void View_equals_the_mount()
    {
        Tool.Bash($$"""
            cd '{{_directory.Path}}'; mkdir 0 1 2
            cd 0; mkdir -p etc usr/etc opaque gone replaced back a/b; for f in etc/both etc/low etc/hidden usr/etc/far opaque/low gone/x replaced/x back/low a/b/c; do echo low $f > $f; done
            ln -s /usr/etc/far etc/absolute; ln -s ../../../usr/etc/far etc/relative; echo f > filedir; ln -s a/b dirlink
            cd ../1; mkdir -p etc opaque back; echo middle > etc/both; mknod etc/hidden c 0 0; echo middle > opaque/new; mknod gone c 0 0; echo file > replaced
            setfattr -n trusted.overlay.opaque -v y opaque; mknod back/low c 0 0; mkdir filedir; echo under > filedir/x
            cd ../2; mkdir -p etc back gone; echo top > etc/top; ln -s low etc/link; echo again > gone/y; ln -s /etc/../etc/./both etc/dots
            """);
        string[] paths =
        [
            "/etc/both", "/etc/low", "/etc/hidden", "/etc/top", "/etc/link", "/etc/absolute", "/etc/relative", "/etc/dots", "etc//top", "/../etc/top", "/etc/top/x",
            "/opaque/low", "/opaque/new", "/gone/x", "/gone/y", "/replaced", "/replaced/x", "/back/low", "/filedir", "/filedir/x", "/dirlink/c", "/dirlink/../b/c", "/etc", "/", "/none/x",
        ];
        Image image = new("sha256:0", "test", [], ImageConfig.Empty, [_directory["2"], _directory["1"], _directory["0"]]);
        using LayerView view = new(image.LowerDirectories);
        using OverlayMount mount = new(_directory, image);
        Dictionary<string, string?> expected = paths.ToDictionary(path => path, path => InRoot(mount.Path, path));
        Assert.Equal(expected, paths.ToDictionary(path => path, path => Read(view, path)));
    }

    // What a chroot would see: the kernel resolves in the root.
    private static unsafe string? InRoot(string root, string path)
    {
        using Native.PathHandle directory = Native.PathHandle.OpenDirectory(root);
        fixed (byte* bytes = Native.CString.Bytes(path))
        {
            using Native.PathHandle file = new(Native.Kernel.openat2(directory.Descriptor, bytes, Native.Kernel.O_PATH, 0, Native.Kernel.RESOLVE_IN_ROOT));
            return !file.IsInvalid && File.Exists($"/proc/self/fd/{file.Descriptor}") ? File.ReadAllText($"/proc/self/fd/{file.Descriptor}").Trim() : null;
        }
    }

    [Fact]
    public void Link_to_itself_ends()
    {
        File.CreateSymbolicLink(_directory["loop"], "loop");
        using LayerView view = new([_directory.Path]);
        Assert.Equal(Errno.ELOOP, Assert.Throws<KernelException>(() => Read(view, "/loop")).Errno);
    }

    [Fact]
    public void Links_do_not_lead_out()
    {
        Tool.Bash($"cd {_directory.Path}; mkdir root; echo secret > secret; cd root; ln -s ../secret a; ln -s {_directory["secret"]} b; ln -s /../../../../{_directory["secret"]} c");
        using LayerView view = new([_directory["root"]]);
        Assert.All(["/a", "/b", "/c", "/../secret"], path => Assert.Null(Read(view, path)));
    }

    [Fact]
    public void Devices_and_pipes_are_not_opened()
    {
        Tool.Bash($"cd {_directory.Path}; mkfifo pipe; mknod dev c 1 5");
        using LayerView view = new([_directory.Path]);
        Assert.Null(Read(view, "/pipe"));
        Assert.Null(Read(view, "/dev"));
    }

    [Fact]
    public void Large_file_is_refused()
    {
        File.WriteAllText(_directory["file"], "12345");
        using LayerView view = new([_directory.Path]);
        Assert.Throws<ImageException>(() => view.TryReadFile("/file", 4));
        Assert.NotNull(view.TryReadFile("/file", 5));
    }
}
