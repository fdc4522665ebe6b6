using System.Globalization;
using System.Text;
using Containers.Native;
using Containers.Networking;

namespace Containers.Launch;

/// <summary>A plan as text.</summary>
internal static class Explanation
{
    public static string Shell(LaunchPlan plan, LaunchRequest request)
    {
        ShellScript script = new();
        Namespaces(script, request.Spec);
        if (request.Spec.Networks.Length > 0)
        {
            NetworkScript.Write(script, request.Spec, request.Id);
        }

        foreach (LaunchOperation operation in plan.AllOperations)
        {
            int before = script.Length;
            string why = operation.Why;
            script.Because(why);
            int marked = script.Length;
            operation.Shell(script);
            if (script.Length == marked)
            {
                script.Truncate(before); // nothing for a shell to do
            }
        }

        return script.ToString();
    }

    public static string SystemCalls(LaunchPlan plan, LaunchRequest request)
    {
        StringBuilder text = new();
        if (request.Maps is { } maps)
        {
            text.Append(CultureInfo.InvariantCulture, $"# by a child that was born with CLONE_NEWUSER, whose ids are ({string.Join(", ", maps.Users)}) and ({string.Join(", ", maps.Groups)}), and with CLONE_PARENT besides:\n");
        }

        text.Append(CultureInfo.InvariantCulture, $"clone3({{flags={Flags(plan.CloneFlags)}|CLONE_VM|CLONE_PIDFD|CLONE_PARENT_SETTID|CLONE_CHILD_CLEARTID|CLONE_CLEAR_SIGHAND, exit_signal=SIGCHLD}})\n");
        Describe(text, plan);
        if (plan.Inside is not null)
        {
            Describe(text, plan.Inside);
        }

        return text.ToString();
    }

    private static void Describe(StringBuilder text, LaunchPlan plan)
    {
        int operation = -1;
        for (int i = 0; i < plan.Program.Count; i++)
        {
            ref readonly StepProgram.Step step = ref plan.Program[i];
            if ((step.Flags & StepProgram.StepFlags.Fails) != 0)
            {
                continue; // no call
            }

            if ((int)step.Operation != operation)
            {
                operation = (int)step.Operation;
                text.Append(CultureInfo.InvariantCulture, $"\n# {plan.Operations[operation].Name}: {plan.Operations[operation].Why}\n");
            }

            text.Append(SystemCallText.Describe(in step)).Append('\n');
        }
    }

    private static string Flags(ulong flags)
    {
        (ulong Flag, string Name)[] names =
        [
            (Kernel.CLONE_FILES, "CLONE_FILES"), (Kernel.CLONE_NEWNS, "CLONE_NEWNS"), (Kernel.CLONE_NEWPID, "CLONE_NEWPID"), (Kernel.CLONE_NEWUTS, "CLONE_NEWUTS"),
            (Kernel.CLONE_NEWIPC, "CLONE_NEWIPC"), (Kernel.CLONE_NEWNET, "CLONE_NEWNET"), (Kernel.CLONE_NEWCGROUP, "CLONE_NEWCGROUP"), (Kernel.CLONE_NEWTIME, "CLONE_NEWTIME"),
        ];
        return string.Join('|', names.Where(name => (flags & name.Flag) != 0).Select(name => name.Name));
    }

    private static void Namespaces(ShellScript script, ContainerSpec spec)
    {
        if (spec.Private(ContainerNamespaces.User))
        {
            script.Unshare.Add("--user");
        }

        Add(ContainerNamespaces.Mount, "--mount --propagation unchanged");
        Add(ContainerNamespaces.Pid, "--pid --fork --kill-child");
        Add(ContainerNamespaces.Uts, "--uts");
        Add(ContainerNamespaces.Ipc, "--ipc");
        Add(ContainerNamespaces.Net, "--net");
        Add(ContainerNamespaces.Cgroup, "--cgroup");
        Add(ContainerNamespaces.Time, "--time");

        void Add(ContainerNamespaces one, string option)
        {
            if (spec.Private(one) && !(one == ContainerNamespaces.Net && spec.Networks.Length > 0)) // ip netns has made that one
            {
                script.Unshare.Add(option);
            }
        }
    }
}
