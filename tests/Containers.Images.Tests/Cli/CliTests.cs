using System.Diagnostics;
using System.Text.Json.Nodes;
using Containers.Tests.Images;
using Containers.Tests.Images.Registry;
using Xunit;

namespace Containers.Tests.Cli;

/// <summary>The program `containers`, as a shell sees it: what it writes where, and what it returns.</summary>
[Trait("here", "yes")]
public sealed class CliTests : IClassFixture<SampleImage>
{
    private const string Name = "example.org/sample:1";

    private readonly SampleImage _sample;

    public CliTests(SampleImage sample)
    {
        _sample = sample;
        if (!Directory.Exists(Store))
        {
            (int code, string output, string error) = Containers("load", "docker-archive:" + sample.Archive);
            Assert.True(code == 0, error);
            Assert.Matches("^sha256:[0-9a-f]{64} example.org/sample:1\n$", output);
        }
    }

    private string Store => _sample["cli-store"];

    [Theory]
    [InlineData(0, "true")]
    [InlineData(7, "exit 7")]
    [InlineData(143, "sh -c 'kill -TERM $$'")]
    public void Run_returns_what_the_command_returns(int code, string script)
        => Assert.Equal(code, Containers("run", Name, "sh", "-c", script + "; exit $?").Code);

    [Theory]
    [InlineData(127, "no-such-program", "run", Name, "no-such-program")]
    [InlineData(126, "/etc/passwd", "run", Name, "/etc/passwd")]
    [InlineData(125, "--bogus", "run", "--bogus", Name)]
    [InlineData(125, "no such", "run", "-v", "/no such:/x", Name)]
    [InlineData(125, "SOURCE:TARGET", "run", "-v", "nowhere", Name)]
    [InlineData(125, "no size", "run", "--memory", "much", Name)]
    [InlineData(125, "IMAGE", "run")]
    [InlineData(125, "not in the store", "run", "--pull", "never", "other:1")]
    [InlineData(1, "no image \"other:1\"", "inspect", "other:1")]
    [InlineData(1, "nothing at", "load", "/nowhere.tar")]
    [InlineData(1, "--tag", "build-from", "/")]
    public void Failure_is_one_message_and_a_status_as_dockers(int code, string words, params string[] arguments)
    {
        (int actual, string output, string error) = Containers(arguments);

        Assert.True(actual == code, $"{actual}: {error}");
        Assert.Contains(words, error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
        Assert.Empty(output);
    }

    [Fact]
    public void Options_behind_the_image_are_the_commands()
    {
        (int code, string output, string error) = Containers("run", "-e", "A=1", "--hostname=inner", "-w", "/etc", Name, "sh", "-c", "echo $A $(cat /proc/sys/kernel/hostname) $PWD $0 $1", "-e", "--rm");

        Assert.True(code == 0, error);
        Assert.Equal("1 inner /etc -e --rm\n", output);
    }

    [Fact]
    public void Command_reads_what_is_piped_in_when_it_is_asked_for()
    {
        string containers = Program;
        Assert.Equal("piped\n", Tool.Bash($"echo piped | {containers} --store '{Store}' run -i {Name} cat"));
        Assert.Equal("", Tool.Bash($"echo piped | {containers} --store '{Store}' run {Name} cat"));
    }

    [Fact]
    public void Output_is_plain_where_it_is_piped_and_in_colours_on_a_terminal_unless_no_color_is_set()
    {
        Requires.Tools("script");
        Assert.DoesNotContain('\u001b', Containers("images").Output);
        Assert.DoesNotContain('\u001b', Containers("doctor").Output);
        string command = $"{Program} --store {Store} doctor";
        Assert.Contains("\u001b[", Tool.Bash($"TERM=xterm-256color script -qec '{command}' /dev/null"), StringComparison.Ordinal);
        Assert.DoesNotContain("\u001b[3", Tool.Bash($"NO_COLOR=1 TERM=xterm-256color script -qec '{command}' /dev/null"), StringComparison.Ordinal);
    }

    [Fact]
    public void Images_are_listed_inspected_and_told_apart()
    {
        string[] lines = Containers("images").Output.TrimEnd().Split('\n');
        Assert.StartsWith("NAME", lines[0], StringComparison.Ordinal);
        Assert.Contains(lines, line => line.StartsWith(Name + " ", StringComparison.Ordinal));

        JsonNode inspected = JsonNode.Parse(Containers("inspect", Name).Output)![0]!;
        Assert.Equal(4, inspected["Layers"]!.AsArray().Count);
        Assert.Equal("linux", (string?)inspected["Config"]!["os"]);
        Assert.Contains(((string)inspected["Id"]!)[7..19], lines.First(line => line.StartsWith(Name, StringComparison.Ordinal)), StringComparison.Ordinal);

        string[] history = Containers("history", Name).Output.TrimEnd().Split('\n');
        Assert.Equal(["four", "three", "two", "one"], history[1..].Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[2]));

        Assert.Equal("docker.io/library/again:2\n", Containers("tag", Name, "again:2").Output);
        Assert.Contains("Untagged: docker.io/library/again:2", Containers("rmi", "again:2").Output, StringComparison.Ordinal);
        Assert.Equal(0, Containers("run", Name, "true").Code); // it had another name
    }

    [Fact]
    public void Directory_becomes_an_image_the_same_each_time()
    {
        Directory.CreateDirectory(_sample["site/www"]);
        File.WriteAllText(_sample["site/www/index.html"], "hello\n");
        string[] build = ["build-from", _sample["site"], "-t", "site:1", "--program", "cat", "--entrypoint", "cat", "--cmd", "/www/index.html"];

        string first = Containers(build).Output, second = Containers(build).Output;

        Assert.Matches("^sha256:[0-9a-f]{64}\n$", first);
        Assert.Equal(first, second);
        Assert.Equal("hello\n", Containers("run", "site:1").Output);
    }

    [Fact]
    public void Diff_lists_what_a_command_changes_and_commits_it()
    {
        (int code, string output, string error) = Containers("diff", "--commit", "changed:1", Name, "sh", "-c", "echo said; echo hi > /etc/motd; rm /etc/added; echo more >> /etc/release");

        Assert.True(code == 0, error);
        Assert.Equal(["A /etc/motd", "C /etc/release", "D /etc/added"], output.TrimEnd().Split('\n').Where(line => line is not ['C', ' ', '/', 'e', 't', 'c']).Order());
        Assert.Contains("said", error, StringComparison.Ordinal);
        Assert.Equal("hi\n", Containers("run", "changed:1", "cat", "/etc/motd").Output);
        Assert.Equal(1, Containers("run", "changed:1", "cat", "/etc/added").Code);
    }

    [Fact]
    public void Saved_image_is_one_that_others_read_and_comes_back_the_same()
    {
        Requires.Tools("skopeo");
        string file = _sample["saved.tar"], layout = _sample["saved-layout"];

        Assert.Equal(0, Containers("save", Name, "-o", file).Code);
        Assert.Equal(0, Containers("save", Name, "-o", $"oci:{layout}:1", "--compression", "zstd").Code);

        Assert.Equal(4, JsonNode.Parse(Tool.Run("skopeo", "inspect", $"docker-archive:{file}"))!["Layers"]!.AsArray().Count);
        Assert.Equal(4, JsonNode.Parse(Tool.Run("skopeo", "inspect", $"oci:{layout}:1"))!["Layers"]!.AsArray().Count);
        Assert.StartsWith((string)JsonNode.Parse(Containers("inspect", Name).Output)![0]!["Id"]!, Containers("load", $"oci:{layout}:1").Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Image_goes_to_a_registry_and_comes_back()
    {
        Requires.Tools("docker-registry");
        using RegistryServer registry = new();
        string name = $"{registry.Name}/team/sample:1", elsewhere = _sample["other-store"];

        (int code, string digest, string error) = Containers("push", Name, name);
        Assert.True(code == 0, error);
        Assert.Matches("^sha256:[0-9a-f]{64}\n$", digest);
        (code, string id, error) = Tool.Try(Program, "--store", elsewhere, "pull", name);
        Assert.True(code == 0, error);
        Assert.StartsWith((string)JsonNode.Parse(Containers("inspect", Name).Output)![0]!["Id"]!, id, StringComparison.Ordinal);
        Assert.Contains(":", error, StringComparison.Ordinal); // a line for each layer
        Assert.Equal("new\n", Tool.Run(Program, "--store", elsewhere, "run", "--pull", "never", name, "cat", "/etc/added"));
        Assert.Equal(digest, Tool.Run(Program, "--store", elsewhere, "push", "-q", name)); // the same image, the same manifest
    }

    [Fact]
    public void Store_is_counted_verified_and_pruned()
    {
        Assert.Contains(Name, Containers("df").Output, StringComparison.Ordinal);
        (int code, string output, _) = Containers("verify");
        Assert.Equal(0, code);
        Assert.Contains("0 problems", output, StringComparison.Ordinal);
        Assert.Contains("freed", Containers("prune").Output, StringComparison.Ordinal);
        Assert.Equal(0, Containers("run", Name, "true").Code);
    }

    [Fact]
    public void Ordinary_user_has_images_of_its_own_that_it_builds_changes_saves_verifies_and_removes()
    {
        Requires.Root();
        Requires.Tools("setpriv");
        const string Steps = """
            set -eu; export HOME=$PWD; containers() { ./program/containers --store "$PWD/store" "$@"; }
            mkdir site; echo hello > site/file
            containers build-from site -t s:1 --program sh --program cat --program rm --entrypoint sh > /dev/null
            containers run s:1 -c 'cat /file'
            containers diff --commit s:2 s:1 -c 'echo new > /new; rm /file' 2> /dev/null
            containers save s:2 -o oci:layout:1 > /dev/null
            containers verify
            containers rmi s:2 > /dev/null
            containers load oci:layout:1 > /dev/null
            containers run s:2 -c 'cat /new; ls /file 2> /dev/null || echo gone'
            """;
        string home = _sample["user"];
        Tool.Bash($"mkdir '{home}' && cp -r '{AppContext.BaseDirectory}' '{home}/program' && chown -R 1500:1500 '{home}'");

        string output = Tool.Bash($"cd '{home}' && setpriv --reuid 1500 --regid 1500 --clear-groups bash -c \"$(cat <<'END'\n{Steps}\nEND\n)\"");

        Assert.Equal(["hello", "D /file", "A /new", "2 images, 2 layers, 0 problems", "new", "gone"], output.TrimEnd().Split('\n'));
    }

    [Fact]
    public void Explain_prints_commands_and_starts_nothing()
    {
        Assert.Contains("pivot_root", Containers("explain", Name).Output, StringComparison.Ordinal);
        Assert.Contains("clone3", Containers("explain", "--system-calls", Name).Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Help_teaches_each_command()
    {
        string help = Containers("--help").Output;
        foreach (string command in (string[])["run", "pull", "push", "images", "inspect", "history", "save", "load", "build-from", "diff", "prune", "explain", "doctor"])
        {
            Assert.Contains($"  {command} ", help, StringComparison.Ordinal);
            Assert.Contains($"containers {command}", Containers(command, "--help").Output, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Signals_are_the_containers()
    {
        using Process process = Start("run", Name, "sh", "-c", "trap 'echo caught; exit 9' INT; echo ready; while :; do sleep 0.05; done");
        Assert.Equal("ready", await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken));

        Tool.Run("kill", "-INT", $"{process.Id}");

        Assert.Equal("caught", await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken));
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(9, process.ExitCode);
        process.StandardOutput.Dispose();
        process.StandardError.Dispose();
    }

    [Fact]
    public void Terminal_is_the_commands()
    {
        Requires.Tools("script");
        (int code, string output, _) = Tool.Try("script", "-qec", $"{Program} --store {Store} run -it {Name} sh -c 'tty; exit 3'", "/dev/null");
        Assert.Equal(3, code);
        Assert.Contains("/dev/pts/0", output, StringComparison.Ordinal);
    }

    private static string Program => Path.Combine(AppContext.BaseDirectory, "containers");

    private (int Code, string Output, string Error) Containers(params string[] arguments) => Tool.Try(Program, ["--store", Store, .. arguments]);

    private Process Start(params string[] arguments)
        => Process.Start(new ProcessStartInfo(Program, ["--store", Store, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
}
