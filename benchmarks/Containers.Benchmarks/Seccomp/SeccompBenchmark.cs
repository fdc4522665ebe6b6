using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Containers.Benchmarks.Peers;
using Containers.Native.Seccomp;

namespace Containers.Benchmarks.Seccomp;

/// <summary>
/// What our filter costs a system call, beside libseccomp's for the same profile. Twice: as it is, where from Linux 5.11 on the kernel
/// remembers calls that a filter always allows, and runs none for them; and behind a filter that looks at an argument and allows, which keeps it from remembering: so
/// it is on older kernels, and for calls that are decided by their arguments.
/// </summary>
internal static class SeccompBenchmark
{
    private const int Turns = 15;

    public static int Run(string[] args)
    {
        string calls = args.FirstOrDefault() ?? "1000";
        using WorkFolder folder = new();
        string getppid = CompiledC.Build(folder.Path, "getppid.c"), libseccomp = CompiledC.Build(folder.Path, "libseccomp.c", "-lseccomp");

        // The same decisions: a document has no order, as libseccomp has none.
        SeccompFilter profile = SeccompProfile.FromJson(SeccompProfile.Default.ToJson()).Resolve(DefaultPolicy.Capabilities, SystemCallTable.Current);
        profile = profile with { Unknown = profile.Default };
        string rules = Rules(profile);
        string looking = Write(folder, "looking", [BpfInstruction.Load(BpfInstruction.LowAt(5)), BpfInstruction.Return(SeccompReturn.ALLOW)]);
        (string Name, string? Filter, BpfInstruction[] Program)[] contenders =
        [
            ("none", null, []),
            Contender("ours", SeccompProfile.Default.Compile(DefaultPolicy.Capabilities)),
            Contender("ours, from JSON", SeccompCompiler.Compile(profile)),
            Contender("libseccomp", Ask(libseccomp, rules, "1")),
            Contender("libseccomp, optimized (2)", Ask(libseccomp, rules, "2")),
        ];

        // In turns, so that what the machine does besides falls on all.
        (double Least, double Median)[,,] nanoseconds = new (double, double)[2, contenders.Length, Turns];
        for (int turn = 0; turn < Turns; turn++)
        {
            for (int i = 0; i < contenders.Length; i++)
            {
                string[] filter = contenders[i].Filter is { } file ? [file] : [];
                nanoseconds[0, i, turn] = Measure(getppid, [calls, .. filter]);
                nanoseconds[1, i, turn] = Measure(getppid, [calls, looking, .. filter]);
            }
        }

        Console.WriteLine($"getppid, {Turns} turns of 400 rounds of {calls} calls, ns a call: the quickest round of all, and the median of the turns' medians; Linux {Environment.OSVersion.Version}");
        Console.WriteLine($"{"",-28}{"instructions",18}{"remembered",20}{"not remembered",20}{"filter alone",14}{"of ours",9}");
        Console.WriteLine($"{"filter",-28}{"all",9}{"run",9}{"least",10}{"median",10}{"least",10}{"median",10}{"least",14}");
        double bare = Least(1, 0), ours = Least(1, 1) - bare;
        for (int i = 0; i < contenders.Length; i++)
        {
            double alone = Least(1, i) - bare;
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{contenders[i].Name,-28}{contenders[i].Program.Length,9}{Steps(contenders[i].Program),9}{Least(0, i),10:F1}{Median(0, i),10:F1}{Least(1, i),10:F1}{Median(1, i),10:F1}{alone,14:F1}{alone / ours,9:F2}"));
        }

        return 0;

        double Least(int kind, int contender) => Enumerable.Range(0, Turns).Min(turn => nanoseconds[kind, contender, turn].Least);

        double Median(int kind, int contender)
        {
            double[] all = [.. Enumerable.Range(0, Turns).Select(turn => nanoseconds[kind, contender, turn].Median)];
            Array.Sort(all);
            return all[Turns / 2];
        }

        (string, string?, BpfInstruction[]) Contender(string name, BpfInstruction[] program) => (name, Write(folder, name.Replace(' ', '-'), program), program);
    }

    // How many instructions are executed for getppid: a number that no other load on the machine changes.
    private static int Steps(BpfInstruction[] program)
    {
        if (program.Length == 0 || !SystemCallTable.Current.TryGetNumber("getppid", out int number))
        {
            return 0;
        }

        return BpfMachine.Steps(program, new seccomp_data { nr = number, arch = SystemCallTable.Current.AuditArch });
    }

    private static string Write(WorkFolder folder, string name, BpfInstruction[] program)
    {
        string path = Path.Combine(folder.Path, name + ".bpf");
        File.WriteAllBytes(path, MemoryMarshal.AsBytes<BpfInstruction>(program).ToArray());
        return path;
    }

    // As the tests' oracle reads it.
    private static string Rules(SeccompFilter filter)
    {
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"default {filter.Default:x}\n");
        foreach ((int number, IReadOnlyList<FilterRule> rules) in filter.Rules.OrderBy(pair => pair.Key))
        {
            foreach (FilterRule rule in rules)
            {
                text.Append(CultureInfo.InvariantCulture, $"rule {rule.Action:x} {number} {rule.Conditions.Count}");
                foreach (ArgumentCondition condition in rule.Conditions)
                {
                    (int op, ulong a, ulong b) = condition.Test switch // enum scmp_compare
                    {
                        ArgumentTest.NotEqual => (1, condition.Value, 0UL),
                        ArgumentTest.Equal => (4, condition.Value, 0UL),
                        ArgumentTest.MaskedEqual => (7, condition.Mask, condition.Value),
                        _ => throw new NotSupportedException(condition.Test.ToString()), // the default profile has none
                    };
                    text.Append(CultureInfo.InvariantCulture, $" {condition.Index} {op} {a:x} {b:x}");
                }

                text.Append('\n');
            }
        }

        return text.ToString();
    }

    private static BpfInstruction[] Ask(string libseccomp, string rules, string optimization)
    {
        using Process process = Process.Start(new ProcessStartInfo(libseccomp, optimization) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        Task write = Task.Run(() =>
        {
            process.StandardInput.Write(rules);
            process.StandardInput.Close();
        });
        using MemoryStream bytes = new();
        process.StandardOutput.BaseStream.CopyTo(bytes);
        write.Wait();
        process.WaitForExit();
        return process.ExitCode == 0 ? MemoryMarshal.Cast<byte, BpfInstruction>(bytes.ToArray()).ToArray() : throw new ContenderException($"libseccomp made no filter: {process.ExitCode}");
    }

    private static (double Least, double Median) Measure(string program, string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 && output.Split(' ') is [string least, string median]
            ? (double.Parse(least, CultureInfo.InvariantCulture), double.Parse(median, CultureInfo.InvariantCulture))
            : throw new ContenderException($"{program} ended with {process.ExitCode}");
    }
}
