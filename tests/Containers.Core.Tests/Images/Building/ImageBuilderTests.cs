using Containers.Images.Building;
using Xunit;

namespace Containers.Tests.Images.Building;

/// <summary>Images of this machine's programs, run in a chroot and read by other tools.</summary>
public sealed class ImageBuilderTests : IClassFixture<HostState>, IDisposable
{
    private readonly TestDirectory _directory = new();
    private readonly ImageStore _store;

    public ImageBuilderTests()
    {
        Requires.Root();
        _store = new ImageStore(_directory["store"]);
    }

    public void Dispose() => _directory.Dispose();

    private static ImageBuilder Shell() => new ImageBuilder().AddProgram("/bin/sh").AddProgram("ls").AddProgram("cat");

    /// <summary>Runs a program in the image, with /proc: ld.so finds $ORIGIN by /proc/self/exe.</summary>
    private static string Inside(OverlayMount image, params string[] command)
        => Tool.Run("unshare", ["-m", "sh", "-c", $"mount -t proc proc {image.Path}/proc && exec chroot {image.Path} \"$@\"", "sh", .. command]);

    [Fact]
    public void Programs_run_with_their_libraries()
    {
        Shell().AddProgram("ps").WithCommand("sh").Save(_directory["image.tar"], "shell:1.0");
        Image image = _store.Load(_directory["image.tar"]);
        Assert.Equal("shell:1.0", image.Name);
        using OverlayMount mount = new(_directory, image);
        Assert.Contains("passwd", Inside(mount, "/bin/sh", "-c", "ls /etc && ps && cat /etc/passwd"), StringComparison.Ordinal);
        Assert.Equal("1777 755 755 755", Tool.Bash($"cd {mount.Path}; stat -c %a tmp proc sys dev | paste -sd' '").Trim());
        Assert.Equal((0u, "/root", "/bin/sh"), (image.ResolveUser("root").Uid, image.ResolveUser("root").Home, image.ResolveUser("root").Shell));
    }

    [Fact]
    public void Config_is_as_described()
    {
        string id = new ImageBuilder().AddText("/srv/x", "x")
            .WithEntrypoint("/bin/a", "b").WithCommand("c").WithEnvironment("A", "1").WithEnvironment("A", "2").WithWorkingDirectory("/srv")
            .WithUser("12:34").WithStopSignal("SIGINT").WithLabel("k", "ü").Save(_directory["image.tar"]);
        Image image = _store.Load(_directory["image.tar"]);
        Assert.Equal(id, image.Id);
        ImageConfig config = image.Config;
        Assert.Equal(["/bin/a", "b"], config.Entrypoint);
        Assert.Equal(["c"], config.Cmd);
        Assert.Equal("A=2", config.Env[^1]);
        Assert.StartsWith("PATH=", config.Env[0], StringComparison.Ordinal);
        Assert.Equal(("/srv", "12:34", "SIGINT", "ü"), (config.WorkingDir, config.User, config.StopSignal, config.Labels["k"]));
    }

    [Fact]
    public void Same_input_gives_the_same_bytes()
    {
        Shell().Save(_directory["1.tar"], "a:1");
        Shell().Save(_directory["2.tar"], "a:1");
        Assert.Equal(File.ReadAllBytes(_directory["1.tar"]), File.ReadAllBytes(_directory["2.tar"]));
        Assert.NotEqual(
            Shell().WithTimestamp(DateTimeOffset.UnixEpoch.AddDays(1)).Save(_directory["3.tar"]),
            Shell().Save(_directory["4.tar"]));
    }

    [Fact]
    public void Archive_is_accepted_by_skopeo()
    {
        Requires.Tools("skopeo");
        string id = Shell().NextLayer().AddText("/etc/motd", "hello\n").WithCommand("sh").Save(_directory["image.tar"], "shell:1.0");
        string reference = "docker-archive:" + _directory["image.tar"];
        Assert.Contains("linux", Tool.Run("skopeo", "inspect", reference), StringComparison.Ordinal);
        Tool.Run("skopeo", "copy", "-q", reference, $"docker-archive:{_directory["copy.tar"]}:copied:2");
        Assert.Equal(_store.Load(_directory["image.tar"]).LowerDirectories, _store.Load(_directory["copy.tar"]).LowerDirectories);
        Tool.Run("skopeo", "copy", "-q", reference, $"oci:{_directory["oci"]}:x");
        // The OCI side of the same file.
        Tool.Run("skopeo", "copy", "-q", "oci-archive:" + _directory["image.tar"], $"docker-archive:{_directory["oci.tar"]}:x:1");
        Assert.Equal(id, _store.Load(_directory["oci.tar"]).Id);
    }

    [Fact]
    public void Later_layers_add_replace_and_remove()
    {
        new ImageBuilder().WithoutDefaults()
            .AddText("/a/kept", "1").AddText("/a/gone", "1").AddText("/a/changed", "1").AddText("/dir/old", "1").AddText("/whole/x", "1").AddSymbolicLink("/link", "a")
            .NextLayer()
            .Remove("/a/gone").AddText("/a/changed", "2").Remove("/dir").AddText("/dir/new", "2").Remove("/whole").AddText("/link/through", "2")
            .AddDirectory("/private", UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute)
            .Save(_directory["image.tar"]);
        Image image = _store.Load(_directory["image.tar"]);
        Assert.Equal(2, image.Layers.Count);
        using OverlayMount mount = new(_directory, image);
        Assert.Equal(["a", "a/changed", "a/kept", "a/through", "dir", "dir/new", "link", "private"], Listing.Names(mount.Path));
        Assert.Equal("2", File.ReadAllText(mount.Path + "/a/changed"));
        Assert.Equal("700", Tool.Run("stat", "-c", "%a", mount.Path + "/private").Trim());
    }

    [Fact]
    public void Files_keep_their_modes_and_capabilities()
    {
        Requires.Tools("setcap");
        string program = _directory["program"];
        string longName = $"/{new string('d', 90)}/{new string('e', 90)}/ünïcode-{new string('f', 90)}";
        Tool.Bash($"cp /bin/true {program}; chmod 4755 {program}; setcap cap_net_raw+ep {program}; mkdir {_directory["tree"]}; cd {_directory["tree"]}; mkdir -m 2750 sub; echo x > sub/x; ln -s nowhere sub/l");
        new ImageBuilder().WithoutDefaults().AddFile(program, "/bin/program").AddFile("/etc/hostname", longName).AddTree(_directory["tree"], "/tree").Save(_directory["image.tar"]);
        using OverlayMount mount = new(_directory, _store.Load(_directory["image.tar"]));
        // setcap clears setuid when it changes a file's owner, but not its capabilities.
        Assert.Equal(Tool.Run("stat", "-c", "%a", program), Tool.Run("stat", "-c", "%a", mount.Path + "/bin/program"));
        Assert.Contains("cap_net_raw", Tool.Run("getcap", mount.Path + "/bin/program"), StringComparison.Ordinal);
        Assert.Equal(File.ReadAllText("/etc/hostname"), File.ReadAllText(mount.Path + longName));
        Assert.Equal("2750", Tool.Run("stat", "-c", "%a", mount.Path + "/tree/sub").Trim());
        Assert.Equal("nowhere", File.ResolveLinkTarget(mount.Path + "/tree/sub/l", false)!.Name);
    }

    [Fact]
    public void Scripts_bring_their_interpreters()
    {
        File.WriteAllText(_directory["script"], "#!/usr/bin/env -S bash -e\necho from a script\n");
        Tool.Run("chmod", "755", _directory["script"]);
        new ImageBuilder().AddProgram(_directory["script"]).Save(_directory["image.tar"]);
        using OverlayMount mount = new(_directory, _store.Load(_directory["image.tar"]));
        Assert.Equal("from a script", Inside(mount, _directory["script"]).Trim());
    }

    [Fact]
    public void Libraries_are_found_by_runpath_and_origin()
    {
        Requires.Tools("gcc");
        Tool.Bash($$"""
            cd '{{_directory.Path}}'; mkdir -p app/lib app/deep
            echo 'int two(void){return 2;}' > two.c; gcc -shared -fPIC -o app/deep/libtwo.so two.c
            echo 'int two(void);int one(void){return two()-1;}' > one.c; gcc -shared -fPIC -o app/lib/libone.so one.c -Lapp/deep -ltwo -Wl,-rpath,'$ORIGIN/../deep'
            echo 'int one(void);int main(void){return one()-1;}' > main.c; gcc -o app/main main.c -Lapp/lib -lone -Wl,-rpath,'${ORIGIN}/lib' -Wl,-rpath-link,app/deep
            gcc -static -o app/static two.c main.c one.c; ln -s main app/linked
            """);
        new ImageBuilder().AddProgram(_directory["app/linked"]).AddProgram(_directory["app/static"]).Save(_directory["image.tar"]);
        using (OverlayMount mount = new(_directory, _store.Load(_directory["image.tar"])))
        {
            Inside(mount, _directory["app/linked"]);
            Inside(mount, _directory["app/static"]);
        }

        File.Delete(_directory["app/deep/libtwo.so"]);
        ImageException exception = Assert.Throws<ImageException>(() => new ImageBuilder().AddProgram(_directory["app/main"]).Save(_directory["other.tar"]));
        Assert.Contains("libtwo.so", exception.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(_directory["other.tar"]));
    }

    [Fact]
    public void Elf_reader_agrees_with_readelf()
    {
        Requires.Tools("readelf");
        foreach (string program in (string[])["/bin/sh", "/bin/ls", "/usr/bin/bash", "/usr/bin/ps"])
        {
            ElfFile elf = ElfFile.TryRead(program)!;
            string[] needed = [.. Tool.Run("readelf", "-dW", program).Split('\n').Where(line => line.Contains("(NEEDED)", StringComparison.Ordinal)).Select(line => line.Split('[', ']')[1])];
            Assert.Equal(needed, elf.Needed);
            Assert.Contains($"interpreter: {elf.Interpreter}]", Tool.Run("readelf", "-lW", program), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Damaged_elf_file_is_told()
    {
        byte[] bytes = File.ReadAllBytes("/bin/ls");
        for (int i = 16; i < 4096; i += 7)
        {
            byte[] damaged = [.. bytes];
            damaged.AsSpan(i, 8).Fill(0xff);
            File.WriteAllBytes(_directory["damaged"], damaged);
            try
            {
                _ = ElfFile.TryRead(_directory["damaged"]);
            }
            catch (ImageException)
            {
                // said as it should be; anything else fails the test
            }
        }
    }

    [Theory]
    [InlineData("no-such-program-here")]
    [InlineData("/no/such/program")]
    public void Missing_program_is_told(string program)
        => Assert.Contains(program, Assert.Throws<ImageException>(() => new ImageBuilder().AddProgram(program).Save(_directory["image.tar"])).Message, StringComparison.Ordinal);

    [Fact]
    public void Missing_place_for_the_archive_is_told()
        => Assert.Contains("/no/such/place.tar", Assert.Throws<ImageException>(() => new ImageBuilder().Save("/no/such/place.tar")).Message, StringComparison.Ordinal);
}
