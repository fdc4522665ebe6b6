using Containers.Native;
using Xunit;

namespace Containers.Tests.Handles;

public sealed class TreeTests : IClassFixture<HostState>
{
    [Fact]
    public void Directory_with_any_names_and_links_goes_and_what_links_lead_to_stays()
    {
        using TestDirectory test = new();
        Tool.Bash($"""
            cd {test.Path}
            mkdir -p tree/a/b/c tree/many outside
            echo keep > outside/file
            ln -s ../outside tree/link
            ln -s {test.Path}/outside tree/a/absolute
            touch $'tree/\xff\xfe not utf-8' $'tree/a/new\nline'
            mkdir $'tree/\xc3\x28'
            mkfifo tree/fifo
            for i in $(seq 1500); do : > tree/many/$i; done
            chmod 0 tree/a/b
            """);

        Assert.True(Tree.Remove(test.Path, "tree"));

        Assert.Equal(["outside"], Directory.GetFileSystemEntries(test.Path).Select(Path.GetFileName));
        Assert.Equal("keep\n", File.ReadAllText(test["outside/file"]));
        Assert.False(Tree.Remove(test.Path, "tree"));
    }

    [Fact]
    public unsafe void Depth_beyond_any_stack_and_any_limit_of_descriptors_is_removed()
    {
        using TestDirectory test = new();
        Directory.CreateDirectory(test["tree"]);
        PathHandle at = PathHandle.OpenDirectory(test["tree"]);
        fixed (byte* name = "d\0"u8)
        {
            for (int i = 0; i < 3000; i++)
            {
                Kernel.Check(Kernel.mkdirat(at.Descriptor, name, 0x1ed), "mkdir");
                PathHandle deeper = new((int)Kernel.Check(Kernel.openat(at.Descriptor, name, Kernel.O_RDONLY), "open"));
                at.Dispose();
                at = deeper;
            }
        }

        at.Dispose();

        Assert.True(Tree.Remove(test.Path, "tree"));
        Assert.Empty(Directory.EnumerateFileSystemEntries(test.Path));
    }

    [Fact]
    public void Mount_in_a_tree_is_not_entered()
    {
        Requires.Root();
        using TestDirectory test = new();
        Directory.CreateDirectory(test["precious"]);
        File.WriteAllText(test["precious/file"], "x");
        Directory.CreateDirectory(test["tree/mount"]);
        Tool.Run("mount", "--bind", test["precious"], test["tree/mount"]);
        try
        {
            KernelException error = Assert.Throws<KernelException>(() => Tree.Remove(test.Path, "tree"));
            Assert.Contains(error.Errno, new[] { Errno.EXDEV, Errno.EBUSY });
            Assert.True(File.Exists(test["precious/file"]));
        }
        finally
        {
            Tool.Run("umount", test["tree/mount"]);
        }
    }
}
