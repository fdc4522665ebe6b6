using Containers.Layers;
using Xunit;

namespace Containers.Tests.Layers;

/// <summary>Trees that must come out as GNU tar makes them, entry by entry, from archives of every program at hand.</summary>
public sealed class PeersTests(PeersTests.Sources sources) : IClassFixture<PeersTests.Sources>, IClassFixture<HostState>
{
    /// <summary>One tree with everything in it, and one without what the old formats cannot hold.</summary>
    public sealed class Sources : IDisposable
    {
        private readonly TestDirectory _directory = new();

        public string Full => _directory["full"];

        public string Plain => _directory["plain"];

        public Sources()
        {
            if (Environment.UserName != "root")
            {
                return;
            }

            Tool.Bash($$"""
                mkdir -p '{{Plain}}/dir/sub/empty' && cd '{{Plain}}'
                echo hello > dir/file; : > empty; head -c 700000 /dev/urandom > big; head -c 512 /dev/urandom > block
                chmod 4755 dir/file; chmod 640 big; chmod 2750 dir; chmod 1777 dir/sub; chown 1234:4321 big dir
                ln -s ../big dir/up; ln -s /etc/passwd absolute; ln dir/file hard; ln dir/up hardsym
                mkfifo fifo; mknod null c 1 3; mknod disk b 8 17; chown 7:8 null; chmod 620 null
                touch -d '1990-05-05 05:05:05' dir/file; touch -h -d '2001-01-01' absolute; touch -d '2000-02-02' big empty block disk null fifo dir/sub/empty dir/sub dir .; touch -h -d '2000-02-02' hard hardsym
                cp -a . '{{Full}}'; cd '{{Full}}'
                touch -d '1965-03-04 05:06:07.123456789' big; touch -d '2020-01-01 00:00:00.000000001' empty
                touch -d '1969-12-31 23:59:59.5 UTC' block
                long=$(printf 'n%.0s' {1..200}); mkdir -p "$long/$long/$long"; echo long > "$long/$long/$long/$long"
                ln -s "$long/$long/$long/$long" longlink; ln "$long/$long/$long/$long" "hard$long"
                echo a > $'caf\xc3\xa9'; echo b > $'latin\xe9'; echo c > $'new\nline'; echo d > ' lead and trail '; echo 'e' > 'back\slash'
                : > capable; setcap cap_net_raw+ep capable; chown 5:6 empty
                setfattr -n user.text -v text big; setfattr -n user.binary -v 0x000a3d0aff00250a big; setfattr -n user.empty big
                setfattr -n 'user.with=equals%and' -v x big; setfattr -n trusted.secret -v 0x0001 dir; setfattr -h -n trusted.onlink -v l absolute
                setfattr -n user.large -v 0x$(head -c 1500 /dev/urandom | od -An -tx1 | tr -d ' \n') empty
                chown 3000000000:3000000001 block
                truncate -s 10M sparse; printf begin | dd of=sparse conv=notrunc status=none; printf mid | dd of=sparse bs=1 seek=5000000 conv=notrunc status=none
                truncate -s 3M hole; cp --sparse=always sparse endless; printf end >> endless
                truncate -s 2M many; for i in {0..40}; do printf data$i | dd of=many bs=1 seek=$((i * 40000)) conv=notrunc status=none; done
                touch -d '2010-10-10 10:10:10.101010101' sparse hole endless many dir .
                """);
        }

        public void Dispose() => _directory.Dispose();
    }

    [Theory]
    [InlineData("full", "tar --xattrs --xattrs-include='*' --format=posix -cf")]
    [InlineData("full", "tar --xattrs --xattrs-include='*' --format=posix --sparse --sparse-version=0.0 -cf")]
    [InlineData("full", "tar --xattrs --xattrs-include='*' --format=posix --sparse --sparse-version=0.1 -cf")]
    [InlineData("full", "tar --xattrs --xattrs-include='*' --format=posix --sparse --sparse-version=1.0 -cf")]
    [InlineData("full", "tar --format=gnu -cf")]
    [InlineData("full", "tar --format=gnu --sparse -cf")]
    [InlineData("full", "tar --format=oldgnu --sparse -cf")]
    [InlineData("plain", "tar --format=ustar -cf")]
    [InlineData("plain", "tar --exclude=fifo --exclude=null --exclude=disk --format=v7 -cf")]
    [InlineData("full", "bsdtar --xattrs --format=pax -cf")]
    [InlineData("full", "bsdtar --xattrs --format=gnutar -cf")]
    [InlineData("plain", "bsdtar --format=ustar -cf")]
    [InlineData("plain", "busybox tar -cf")]
    public void A_tree_equals_what_gnu_tar_makes_of_the_same_archive(string source, string command)
    {
        Requires.Root();
        Requires.Tools(command.Split(' ')[0]);
        using TestDirectory directory = new();
        Tool.Bash($"cd '{(source == "full" ? sources.Full : sources.Plain)}' && {command} '{directory["a.tar"]}' .");
        LayerContent content = CompareWithGnuTar(directory);
        Assert.Equal("sha256:" + Tool.Run("sha256sum", directory["a.tar"])[..64], content.DiffId);
        Assert.Equal(new FileInfo(directory["a.tar"]).Length, content.ArchiveLength);
        Assert.True(content.Entries > 10);
    }

    [Theory]
    [InlineData("plain", "--format=gnu")]
    [InlineData("full", "--format=posix --sparse --xattrs --xattrs-include='*'")]
    public void A_tree_survives_the_way_through_an_archive(string source, string options)
    {
        Requires.Root();
        using TestDirectory directory = new();
        string tree = source == "full" ? sources.Full : sources.Plain;
        Tool.Bash($"tar {options} -C '{tree}' -cf '{directory["a.tar"]}' .");
        Unpacking.UnpackFile(directory["a.tar"], directory["root"]);
        TreeListing.AssertEqual(tree, directory["root"]);
    }

    [Fact]
    public void A_git_archive_with_its_global_header_is_read()
    {
        Requires.Tools("git");
        using TestDirectory directory = new();
        Tool.Bash($"""
            cd '{directory.Path}' && git init -q r && cd r && mkdir d && echo x > d/x && ln -s d/x l && echo run > run && chmod +x run && printf 'n%.0s' $(seq 150) > d/$(printf 'n%.0s' $(seq 150))
            git add . && git -c user.name=n -c user.email=e@example.invalid commit -q -m m && git archive -o ../a.tar HEAD
            """);
        CompareWithGnuTar(directory);
    }

    [Fact]
    public void Two_archives_one_behind_the_other_end_where_the_first_ends()
    {
        using TestDirectory directory = new();
        byte[] archive = [.. new TarWriter().Add("a", data: "1").End(), .. new TarWriter().Add("b", data: "2").End()];
        File.WriteAllBytes(directory["a.tar"], archive);
        Assert.Equal(archive.Length, CompareWithGnuTar(directory).ArchiveLength);
        Assert.False(File.Exists(directory["root/b"]));
    }

    private static LayerContent CompareWithGnuTar(TestDirectory directory)
    {
        Unpacking.GnuTar(directory["a.tar"], directory["gnu"]);
        LayerContent content = Unpacking.UnpackFile(directory["a.tar"], directory["root"]);
        bool rootInArchive = Tool.Run("tar", "-tf", directory["a.tar"]).Split('\n').Contains("./");
        if (!rootInArchive)
        {
            Tool.Run("touch", "-r", directory["gnu"], directory["root"]);
        }

        TreeListing.AssertEqual(directory["gnu"], directory["root"]);
        return content;
    }
}
