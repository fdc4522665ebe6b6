using Containers.Native;

namespace Containers.Launch;

/// <summary>Makes a ruleset of Landlock: with the privileges that are still there, so that every path can be opened.</summary>
internal sealed unsafe class MakeLandlockRules(LandlockRules rules) : LaunchOperation
{
    // What a rule about a file may allow; the rest is about what is in a directory.
    private const LandlockAccess OfFiles = LandlockAccess.Execute | LandlockAccess.WriteFile | LandlockAccess.ReadFile | LandlockAccess.Truncate | LandlockAccess.IoctlDev;

    /// <summary>Where the ruleset is.</summary>
    public Slot Ruleset { get; private set; }

    public override string Name => "make landlock rules";

    public override string Why => "What is not named cannot be reached, whatever its mode and owner say";

    public override void Compile(PlanCompiler plan)
    {
        rules.Check(plan.Features.LandlockAbi);
        Ruleset = plan.Program.NewSlot();
        Kernel.landlock_ruleset_attr* attributes = plan.Program.Data(new Kernel.landlock_ruleset_attr
        {
            handled_access_fs = (ulong)rules.Restricted,
            handled_access_net = (rules.BindPorts is null ? 0 : Kernel.LANDLOCK_ACCESS_NET_BIND_TCP) | (rules.ConnectPorts is null ? 0 : Kernel.LANDLOCK_ACCESS_NET_CONNECT_TCP),
            scoped = (rules.AbstractSocketsScoped ? Kernel.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET : 0) | (rules.SignalsScoped ? Kernel.LANDLOCK_SCOPE_SIGNAL : 0),
        });
        plan.Add(SystemCall.landlock_create_ruleset, attributes, sizeof(Kernel.landlock_ruleset_attr), 0).Into(Ruleset);

        // A rule has the descriptor in a structure in memory, behind the accesses: the structure lies in two slots, the second one the descriptor's.
        Dictionary<LandlockAccess, (nint Address, Slot Descriptor)> made = [];
        foreach ((string path, LandlockAccess asked) in rules.Paths)
        {
            LandlockAccess access = asked & rules.Restricted;
            if (access == LandlockAccess.None)
            {
                continue; // nothing that is restricted
            }

            byte* text = plan.Text(path);
            LandlockAccess ofFile = access & OfFiles;
            StepProgram.StepReference rule = AddRule(plan, text, Rule(access));
            if (ofFile != access && ofFile != LandlockAccess.None)
            {
                rule.Tolerate(Errno.EINVAL).SkipOnSuccess(2); // it is a file
                AddRule(plan, text, Rule(ofFile));
            }
        }

        AddPorts(plan, rules.BindPorts, Kernel.LANDLOCK_ACCESS_NET_BIND_TCP);
        AddPorts(plan, rules.ConnectPorts, Kernel.LANDLOCK_ACCESS_NET_CONNECT_TCP);

        (nint Address, Slot Descriptor) Rule(LandlockAccess access)
            => made.TryGetValue(access, out (nint, Slot) known) ? known : made[access] = plan.Program.NewPair((long)access);
    }

    public override void Shell(ShellScript script)
    {
    }

    public override string? Hint(Errno errno) => errno switch
    {
        Errno.ENOENT or Errno.ENOTDIR => $"All paths have to be there when the container starts: {string.Join(", ", rules.Paths.Select(rule => rule.Path).Distinct())}.",
        Errno.EINVAL => "A path that is a file was allowed what only directories have.",
        _ => null,
    };

    private StepProgram.StepReference AddRule(PlanCompiler plan, byte* path, (nint Address, Slot Descriptor) rule)
    {
        plan.Add(SystemCall.openat, Kernel.AT_FDCWD, path, Kernel.O_PATH | Kernel.O_CLOEXEC, 0).Into(rule.Descriptor);
        return plan.Add(SystemCall.landlock_add_rule, Ruleset, Kernel.LANDLOCK_RULE_PATH_BENEATH, rule.Address, 0);
    }

    private void AddPorts(PlanCompiler plan, IEnumerable<int>? ports, ulong access)
    {
        foreach (int port in ports ?? [])
        {
            plan.Add(SystemCall.landlock_add_rule, Ruleset, Kernel.LANDLOCK_RULE_NET_PORT, plan.Program.Data(new Kernel.landlock_net_port_attr { allowed_access = access, port = (ulong)port }), 0);
        }
    }
}

/// <summary>Is restricted by the rules from here on.</summary>
internal sealed class RestrictByLandlock(MakeLandlockRules rules) : LaunchOperation
{
    public override string Name => "restrict by landlock";

    public override string Why => "From here on the rules hold, for the process and all that come from it";

    public override void Compile(PlanCompiler plan) => plan.Add(SystemCall.landlock_restrict_self, rules.Ruleset, 0);

    public override void Shell(ShellScript script)
    {
    }

    public override string? Hint(Errno errno) => errno switch
    {
        Errno.EPERM => "Without no_new_privs only CAP_SYS_ADMIN may restrict itself.",
        Errno.E2BIG => "There can be 16 layers of Landlock rules: this process has some itself.",
        _ => null,
    };
}
