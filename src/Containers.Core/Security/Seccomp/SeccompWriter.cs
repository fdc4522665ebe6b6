using System.Text.Json;
using Containers.Native.Seccomp;
using Containers.Security.Credentials;

namespace Containers.Security.Seccomp;

/// <summary>Writes a profile in the form of Docker, which is the OCI runtime specification's with conditions on capabilities.</summary>
internal static class SeccompWriter
{
    public static string Write(SeccompProfile profile)
    {
        (string action, uint? errno) = Action(profile.DefaultAction);
        SeccompDocument document = new()
        {
            DefaultAction = action,
            DefaultErrnoRet = errno,
            Architectures = ["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"],
            Syscalls = [.. Rules(profile).Select(Calls)],
        };
        return JsonSerializer.Serialize(document, SeccompJson.Default.SeccompDocument);
    }

    // A rule that says what is said by default is left out, as libseccomp wants it. Calls with the same rules are written together.
    private static IEnumerable<SeccompRule> Rules(SeccompProfile profile)
    {
        Dictionary<string, List<SeccompRule>> byName = [];
        foreach (SeccompRule rule in profile.Rules.Reverse())
        {
            foreach (string name in rule.Names)
            {
                (byName.TryGetValue(name, out List<SeccompRule>? list) ? list : byName[name] = []).Add(rule);
            }
        }

        return from pair in byName
               from rule in DisjointRules.Of(pair.Key, pair.Value)
               where rule.Action != profile.DefaultAction
               group rule by (rule.Action, string.Join(' ', rule.Conditions.Select(condition => condition.Native)), string.Join(' ', rule.With.Order()), string.Join(' ', rule.Without.Order())) into same
               select same.First() with { Names = [.. same.SelectMany(rule => rule.Names).Distinct().Order(StringComparer.Ordinal)] };
    }

    private static CallsDocument Calls(SeccompRule rule)
    {
        (string action, uint? errno) = Action(rule.Action);
        return new CallsDocument
        {
            Names = [.. rule.Names],
            Action = action,
            ErrnoRet = errno,
            Args = rule.Conditions.Length > 0 ? [.. rule.Conditions.Select(Argument)] : null,
            Includes = Filter(rule.With),
            Excludes = Filter(rule.Without),
        };
    }

    private static FilterDocument? Filter(IReadOnlyCollection<Capability> capabilities)
        => capabilities.Count > 0 ? new FilterDocument { Caps = [.. capabilities.Select(capability => "CAP_" + CapabilityNames.NameOf(capability))] } : null;

    private static ArgumentDocument Argument(SeccompCondition condition)
    {
        ArgumentCondition native = condition.Native;
        return native.Test switch
        {
            ArgumentTest.Equal => new(native.Index, native.Value, null, "SCMP_CMP_EQ"),
            ArgumentTest.NotEqual => new(native.Index, native.Value, null, "SCMP_CMP_NE"),
            ArgumentTest.Less => new(native.Index, native.Value, null, "SCMP_CMP_LT"),
            ArgumentTest.LessOrEqual => new(native.Index, native.Value, null, "SCMP_CMP_LE"),
            ArgumentTest.Greater => new(native.Index, native.Value, null, "SCMP_CMP_GT"),
            ArgumentTest.GreaterOrEqual => new(native.Index, native.Value, null, "SCMP_CMP_GE"),
            _ => new(native.Index, native.Mask, native.Value, "SCMP_CMP_MASKED_EQ"),
        };
    }

    private static (string Name, uint? Errno) Action(SeccompAction action) => (action.Value & SeccompReturn.ACTION) switch
    {
        SeccompReturn.ALLOW => ("SCMP_ACT_ALLOW", null),
        SeccompReturn.LOG => ("SCMP_ACT_LOG", null),
        SeccompReturn.KILL_PROCESS => ("SCMP_ACT_KILL_PROCESS", null),
        SeccompReturn.KILL_THREAD => ("SCMP_ACT_KILL_THREAD", null),
        SeccompReturn.TRAP => ("SCMP_ACT_TRAP", null),
        SeccompReturn.TRACE => ("SCMP_ACT_TRACE", action.Value & SeccompReturn.DATA),
        _ => ("SCMP_ACT_ERRNO", action.Value & SeccompReturn.DATA),
    };
}
