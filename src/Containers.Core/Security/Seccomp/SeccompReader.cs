using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using Containers.Native.Seccomp;
using Containers.Security.Credentials;

namespace Containers.Security.Seccomp;

/// <summary>Reads profiles of the OCI runtime specification and of Docker. What is wrong is told with its place in the document.</summary>
/// <remarks>
/// As runc does: names of calls that are not known are passed over, since one profile serves many kernels; a rule without
/// conditions makes those of the same call with conditions pointless, whatever their order; and conditions of one rule all have
/// to hold, unless two are about the same argument: then one of them is enough.
/// </remarks>
internal static class SeccompReader
{
    public static SeccompProfile Read(ReadOnlySpan<byte> json, string source)
    {
        SeccompDocument document;
        try
        {
            document = JsonSerializer.Deserialize(json, SeccompJson.Default.SeccompDocument) ?? throw Wrong(source, "$", "it is null");
        }
        catch (JsonException e)
        {
            string where = e.LineNumber is { } line ? string.Create(CultureInfo.InvariantCulture, $"line {line + 1}, {e.Path ?? "$"}") : e.Path ?? "$";
            throw new ContainerException($"The seccomp profile {source} is malformed at {where}: {e.Message}", innerException: e);
        }

        SeccompAction byDefault = Action(document.DefaultAction, document.DefaultErrnoRet, source, "$.defaultAction");
        ImmutableArray<SeccompRule>.Builder rules = ImmutableArray.CreateBuilder<SeccompRule>();
        for (int i = 0; i < (document.Syscalls?.Count ?? 0); i++)
        {
            string path = string.Create(CultureInfo.InvariantCulture, $"$.syscalls[{i}]");
            if (Rule(document.Syscalls![i] ?? throw Wrong(source, path, "it is null"), source, path) is { } rule)
            {
                rules.AddRange(OneForEachArgument(rule));
            }
        }

        // Later rules go first in a profile; here the first one without conditions does.
        return new SeccompProfile(byDefault, [.. rules.Where(rule => rule.Conditions.Length > 0), .. rules.Where(rule => rule.Conditions.Length == 0).Reverse()]);
    }

    private static IEnumerable<SeccompRule> OneForEachArgument(SeccompRule rule)
        => rule.Conditions.DistinctBy(condition => condition.Native.Index).Count() == rule.Conditions.Length
            ? [rule]
            : rule.Conditions.Select(condition => rule with { Conditions = [condition] });

    private static SeccompRule? Rule(CallsDocument calls, string source, string path)
    {
        List<string> names = calls.Names ?? (calls.Name is { } one ? [one] : throw Wrong(source, path + ".names", "it is missing"));
        if (names.IndexOf(null!) is >= 0 and int at)
        {
            throw Wrong(source, string.Create(CultureInfo.InvariantCulture, $"{path}.names[{at}]"), "it is null");
        }

        SeccompAction action = Action(calls.Action, calls.ErrnoRet, source, path + ".action");
        ImmutableArray<SeccompCondition> conditions = [.. (calls.Args ?? []).Select((argument, i) => Condition(argument ?? throw Wrong(source, string.Create(CultureInfo.InvariantCulture, $"{path}.args[{i}]"), "it is null"), source, string.Create(CultureInfo.InvariantCulture, $"{path}.args[{i}]")))];
        return Applies(calls.Includes, source, path + ".includes", wanted: true) && Applies(calls.Excludes, source, path + ".excludes", wanted: false)
            ? new SeccompRule([.. names], action, conditions)
            {
                With = Capabilities(calls.Includes, source, path + ".includes.caps"),
                Without = Capabilities(calls.Excludes, source, path + ".excludes.caps"),
            }
            : null;
    }

    // What depends on this machine is decided here, what depends on the container later.
    private static bool Applies(FilterDocument? filter, string source, string path, bool wanted)
    {
        string architecture = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? "amd64" : "arm64";
        if (filter?.Arches is { Count: > 0 } architectures && architectures.Contains(architecture) != wanted)
        {
            return false;
        }

        return filter?.MinKernel is not { } kernel
            || (Version.TryParse(kernel, out Version? version) ? Environment.OSVersion.Version >= version == wanted : throw Wrong(source, path + ".minKernel", $"\"{kernel}\" is no version"));
    }

    private static ImmutableArray<Capability> Capabilities(FilterDocument? filter, string source, string path)
        => [.. (filter?.Caps ?? []).Select((name, i) => name is not null && CapabilityNames.TryParse(name, out Capability capability)
            ? capability
            : throw Wrong(source, string.Create(CultureInfo.InvariantCulture, $"{path}[{i}]"), $"\"{name}\" is no capability"))];

    private static SeccompAction Action(string? name, uint? errno, string source, string path) => name switch
    {
        "SCMP_ACT_ALLOW" => SeccompAction.Allow,
        "SCMP_ACT_LOG" => SeccompAction.Log,
        "SCMP_ACT_KILL" or "SCMP_ACT_KILL_THREAD" => SeccompAction.KillThread,
        "SCMP_ACT_KILL_PROCESS" => SeccompAction.KillProcess,
        "SCMP_ACT_TRAP" => SeccompAction.Trap,
        "SCMP_ACT_ERRNO" when errno is null or <= 4095 => SeccompAction.Fail(errno is { } number ? (Errno)number : Errno.EPERM),
        "SCMP_ACT_ERRNO" => throw Wrong(source, path, $"the errno {errno} is above 4095"),
        "SCMP_ACT_TRACE" when errno is null or <= ushort.MaxValue => SeccompAction.Trace((ushort)(errno ?? (uint)Errno.EPERM)),
        "SCMP_ACT_NOTIFY" => throw Wrong(source, path, "notification needs a listener of the profile's own, which this library does not start; WithSystemCallReport() tells what is denied"),
        null => throw Wrong(source, path, "it is missing"),
        _ => throw Wrong(source, path, $"\"{name}\" is no action"),
    };

    private static SeccompCondition Condition(ArgumentDocument argument, string source, string path)
    {
        int index = argument.Index is { } given and >= 0 and <= 5 ? given : throw Wrong(source, path + ".index", "an argument has a number from 0 to 5");
        ulong value = argument.Value ?? throw Wrong(source, path + ".value", "it is missing");
        return argument.Op switch
        {
            "SCMP_CMP_EQ" => new(index, ArgumentTest.Equal, value),
            "SCMP_CMP_NE" => new(index, ArgumentTest.NotEqual, value),
            "SCMP_CMP_LT" => new(index, ArgumentTest.Less, value),
            "SCMP_CMP_LE" => new(index, ArgumentTest.LessOrEqual, value),
            "SCMP_CMP_GT" => new(index, ArgumentTest.Greater, value),
            "SCMP_CMP_GE" => new(index, ArgumentTest.GreaterOrEqual, value),
            "SCMP_CMP_MASKED_EQ" => new(index, ArgumentTest.MaskedEqual, argument.ValueTwo ?? 0, value), // the mask comes first
            _ => throw Wrong(source, path + ".op", argument.Op is null ? "it is missing" : $"\"{argument.Op}\" is no comparison"),
        };
    }

    private static ContainerException Wrong(string source, string path, string what) => new($"The seccomp profile {source} is wrong at {path}: {what}.");
}
