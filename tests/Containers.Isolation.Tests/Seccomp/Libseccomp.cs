using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Containers.Native.Seccomp;
using Xunit;

namespace Containers.Tests.Seccomp;

/// <summary>The library that runc, crun and podman make their filters with, asked through a small program.</summary>
public sealed class Libseccomp : IDisposable
{
    private readonly TestDirectory _directory = new();
    private readonly string _program;

    public Libseccomp()
    {
        Requires.Tools("gcc");
        Requires.That(File.Exists("/usr/include/seccomp.h"), "this test needs libseccomp-dev");
        _program = _directory["libseccomp"];
        Tool.Run("gcc", "-O1", "-o", _program, Path.Combine(AppContext.BaseDirectory, "Seccomp/libseccomp.c"), "-lseccomp");
    }

    /// <summary>Its program for the same rules.</summary>
    internal BpfInstruction[] Compile(SeccompFilter filter)
    {
        StringBuilder rules = new();
        rules.Append(CultureInfo.InvariantCulture, $"default {filter.Default:x}\n");
        foreach ((int number, IReadOnlyList<FilterRule> list) in filter.Rules)
        {
            foreach (FilterRule rule in list)
            {
                rules.Append(CultureInfo.InvariantCulture, $"rule {rule.Action:x} {number} {rule.Conditions.Count}");
                foreach (ArgumentCondition condition in rule.Conditions)
                {
                    (int op, ulong a, ulong b) = condition.Test switch // enum scmp_compare
                    {
                        ArgumentTest.NotEqual => (1, condition.Value, 0UL),
                        ArgumentTest.Less => (2, condition.Value, 0UL),
                        ArgumentTest.LessOrEqual => (3, condition.Value, 0UL),
                        ArgumentTest.Equal => (4, condition.Value, 0UL),
                        ArgumentTest.GreaterOrEqual => (5, condition.Value, 0UL),
                        ArgumentTest.Greater => (6, condition.Value, 0UL),
                        _ => (7, condition.Mask, condition.Value),
                    };
                    rules.Append(CultureInfo.InvariantCulture, $" {condition.Index} {op} {a:x} {b:x}");
                }

                rules.Append('\n');
            }
        }

        return MemoryMarshal.Cast<byte, BpfInstruction>(Run(rules.ToString(), "1")).ToArray();
    }

    /// <summary>Its numbers of calls on x86-64; negative ones are those it has no number for.</summary>
    public Dictionary<string, int> Numbers(IEnumerable<string> names)
        => Encoding.ASCII.GetString(Run(string.Join('\n', names), "names")).Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => line.Split(' ')).ToDictionary(words => words[0], words => int.Parse(words[1], CultureInfo.InvariantCulture));

    public void Dispose() => _directory.Dispose();

    private byte[] Run(string input, string argument)
    {
        using Process process = Process.Start(new ProcessStartInfo(_program, argument) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true })!;
        using StreamReader output = process.StandardOutput, error = process.StandardError;
        process.StandardInput.Write(input);
        process.StandardInput.Close();
        using MemoryStream bytes = new();
        output.BaseStream.CopyTo(bytes);
        string errors = error.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"libseccomp ended with {process.ExitCode}: {errors}");
        return bytes.ToArray();
    }
}
