using System.Reflection;
using Containers.Native;
using Tmds.Linux;
using Xunit;

namespace Containers.Tests.SystemCalls;

/// <summary>Our numbers are those that another library, which did not take them from us, has.</summary>
public sealed class ConstantsTests
{
    [Fact]
    public void Constants_of_the_kernel_are_those_of_another_library()
    {
        List<string> compared = [];
        foreach (FieldInfo field in typeof(Kernel).GetFields(BindingFlags.Static | BindingFlags.Public))
        {
            if (Theirs(field.Name) is { } theirs)
            {
                // As an int, a number of ioctl(2) may be negative.
                long ours = Convert.ToInt64(field.GetValue(null));
                Assert.True(ours == theirs || (field.FieldType == typeof(uint) && ours == (uint)theirs), $"{field.Name}: ours is {field.GetValue(null)}, theirs {theirs}");
                compared.Add(field.Name);
            }
        }

        Assert.True(compared.Count >= 25, $"only {compared.Count} were compared: {string.Join(' ', compared)}");
    }

    [Fact]
    public void System_call_numbers_are_those_of_the_kernels_header()
    {
        string header = System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture == System.Runtime.InteropServices.Architecture.X64
            ? "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"
            : "/usr/include/asm-generic/unistd.h";
        Requires.That(File.Exists(header), $"this test needs the kernel's header {header}");
        Dictionary<string, int> theirs = File.ReadLines(header)
            .Select(line => line.Split(' ', '\t', StringSplitOptions.RemoveEmptyEntries))
            .Where(words => words.Length == 3 && words[0] == "#define" && words[1].StartsWith("__NR", StringComparison.Ordinal) && int.TryParse(words[2], out _))
            .ToDictionary(words => words[1].Replace("__NR3264_", "__NR_", StringComparison.Ordinal)["__NR_".Length..], words => int.Parse(words[2]));

        foreach (FieldInfo field in typeof(SystemCall).GetFields(BindingFlags.Static | BindingFlags.Public))
        {
            SystemCall ours = (SystemCall)field.GetValue(null)!;
            Assert.Equal(theirs[ours.Name], ours.Number);
        }
    }

    [Fact]
    public void Error_numbers_are_those_of_another_library()
    {
        foreach (Errno errno in Enum.GetValues<Errno>().Where(errno => errno != Errno.None))
        {
            Assert.True((Theirs(errno.ToString()) ?? (long)errno) == (long)errno, errno.ToString());
        }
    }

    private static long? Theirs(string name)
    {
        object? value = typeof(LibC).GetProperty(name)?.GetValue(null) ?? typeof(LibC).GetField(name)?.GetValue(null);
        return value switch
        {
            null => null,
            int number => number,
            uint number => number,
            long number => number,
            ulong number => (long)number,
            _ => null, // their own structures: mode_t, size_t
        };
    }
}
